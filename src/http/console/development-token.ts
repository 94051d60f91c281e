import type { IncomingMessage } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { ROLES, type Role } from '../../auth/identity.ts';
import { isLoopback, parseOrigin } from '../../config/settings.ts';
import { StationmasterError } from '../../errors.ts';
import { refuseOtherMethods } from '../graphql-over-http.ts';
import { parseJsonBody } from '../json-bodies.ts';

/** Makes a token for a role. */
export type SignDevelopmentToken = (role: Role) => Promise<string>;

const PATH = '/console/development-token';

/**
 * `POST /console/development-token` with `{"role":"ADMIN"}` answers `{"token":"…"}`, for the buttons of the console's sign-in.
 * Registered in development only, where the server has made its secret itself. It answers only pages of this server, in a
 * browser on this machine.
 */
export function registerDevelopmentToken(server: FastifyInstance, sign: SignDevelopmentToken): void {
  refuseOtherMethods(server, PATH, ['POST']);
  server.post(PATH, async ({ body, headers, raw }) => {
    requireOwnPage({ headers, socket: raw.socket });
    return { token: await sign(readRole(body)) };
  });
}

/** What other pages, other machines and proxies cannot send. */
function requireOwnPage({
  headers,
  socket,
}: Pick<IncomingMessage, 'headers'> & { socket: { remoteAddress?: string } }): void {
  const { host = '', origin = '' } = headers;
  const isLocal = isLoopbackAddress(socket.remoteAddress ?? '') && !PROXIES_SEND.some((name) => name in headers);
  // A name that an attacker's DNS leads to this machine is not a loopback name.
  const isNamedLocally = isLoopback(URL.parse(`http://${host}`)?.hostname ?? '');
  const isSameOrigin = parseOrigin(origin) === `http://${host}` && isSaidToBeSameOrigin(headers['sec-fetch-site']);
  if (isLocal && isNamedLocally && isSameOrigin) return;
  throw new StationmasterError('FORBIDDEN', 'Tokens are made here only for the console, opened on the same machine.');
}

const PROXIES_SEND = ['forwarded', 'via', 'x-forwarded-for', 'x-forwarded-host', 'x-real-ip'];

/** All current browsers say so. An old one says nothing, and its `Origin` has to suffice. */
function isSaidToBeSameOrigin(site: string | string[] | undefined): boolean {
  return site === undefined || site === 'same-origin';
}

function isLoopbackAddress(address: string): boolean {
  return address === '::1' || isLoopback(address.replace(/^::ffff:/, ''));
}

function readRole(body: unknown): Role {
  const { role } = (parseJsonBody(body) ?? {}) as { readonly role?: unknown };
  if (ROLES.includes(role as Role)) return role as Role;
  throw new StationmasterError('BAD_USER_INPUT', `role must be one of ${ROLES.join(', ')}.`, { field: 'role' });
}
