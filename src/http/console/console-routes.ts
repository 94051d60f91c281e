import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ROLES, type Role } from '../../auth/identity.ts';
import type { Config } from '../../config/config.ts';
import { StationmasterError } from '../../errors.ts';
import { CODING_HEADERS, chooseCoding } from '../accept-encoding.ts';
import { isNamed } from '../etags.ts';
import { CONSOLE_DIST, type ConsoleFile, readConsoleFiles } from './console-files.ts';
import { registerDevelopmentToken, type SignDevelopmentToken } from './development-token.ts';

export interface ConsoleParts {
  readonly config: Pick<Config, 'console' | 'compression' | 'environment' | 'introspection'> & {
    readonly auth: Pick<Config['auth'], 'anonymousRole'>;
  };
  /** Set in development, where the server has made its secret itself. */
  readonly signDevelopmentToken?: SignDevelopmentToken | undefined;
  /** The folder of the console's build; another one in tests. */
  readonly consoleFolder?: string | undefined;
}

/** The addresses of the pages, all with the same document. `console/src/pages/pages.ts` has the same list. */
const PAGES = ['/', '/workstations/:id', '/managers', '/performance', '/cache', '/agents'];

/** Everything comes from this server, and no page of another one may frame it. */
const POLICY = {
  'default-src': "'self'",
  'base-uri': "'none'",
  'form-action': "'none'",
  'frame-ancestors': "'none'",
  'img-src': "'self' data:",
  'object-src': "'none'",
};

/** The editor of GraphiQL writes style sheets while it runs, and has a font in its own. */
const GRAPHIQL_POLICY = { ...POLICY, 'style-src': "'self' 'unsafe-inline'", 'font-src': "'self' data:" };

const DOCUMENT_CACHING = 'no-cache';
const ASSET_CACHING = 'public, max-age=31536000, immutable';

/** Whether a server has the console: switched off, or without its build, it has not. */
export type ConsoleState = 'served' | 'off' | 'not built';

/** Registers the console and GraphiQL, if the server has their build. */
export async function registerConsoleRoutes(server: FastifyInstance, parts: ConsoleParts): Promise<ConsoleState> {
  const { config, consoleFolder = CONSOLE_DIST, signDevelopmentToken } = parts;
  if (!config.console) return 'off';
  if (signDevelopmentToken) registerDevelopmentToken(server, signDevelopmentToken);
  const files = await readConsoleFiles(consoleFolder, describeServer(parts));
  if (!files) return 'not built';
  const send = createSender(config);
  const pageHeaders = { 'cache-control': DOCUMENT_CACHING, 'content-security-policy': toText(POLICY) };
  for (const url of PAGES) server.get(url, (request, reply) => send(files.index, request, reply.headers(pageHeaders)));
  if (isGraphiqlServed(config)) {
    const headers = { ...pageHeaders, 'content-security-policy': toText(GRAPHIQL_POLICY) };
    server.get('/graphiql', (request, reply) => send(files.graphiql, request, reply.headers(headers)));
  }
  server.get<{ Params: { name: string } }>('/assets/:name', (request, reply) => {
    const file = files.assets.get(request.params.name);
    if (!file) throw new StationmasterError('NOT_FOUND', 'The console has no such file.');
    return send(file, request, reply.header('cache-control', ASSET_CACHING));
  });
  return 'served';
}

/** What the documents tell the console. Everybody can read it. */
function describeServer({ config, signDevelopmentToken }: ConsoleParts) {
  const developmentRoles: readonly Role[] = signDevelopmentToken ? ROLES.filter((role) => role !== 'AGENT') : [];
  return {
    anonymousRole: config.auth.anonymousRole ?? null,
    developmentRoles,
    graphiql: isGraphiqlServed(config),
  };
}

/** Without the schema it has nothing to offer. */
function isGraphiqlServed({ environment, introspection }: ConsoleParts['config']): boolean {
  return environment !== 'production' || introspection;
}

function toText(policy: Readonly<Record<string, string>>): string {
  return Object.entries(policy)
    .map(([directive, sources]) => `${directive} ${sources}`)
    .join('; ');
}

function createSender({ compression }: ConsoleParts['config']) {
  return (file: ConsoleFile, { headers, method }: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const coding = compression ? chooseCoding(headers['accept-encoding']) : null;
    const coded = coding === null ? undefined : file.coded[coding];
    const etag = coding !== null && coded ? `${file.etag.slice(0, -1)}-${coding}"` : file.etag;
    reply.header('etag', etag).header('vary', 'Accept-Encoding').type(file.contentType);
    const body = coded ?? file.body;
    // Of the body of a HEAD only the length is sent; without one that would be 0, and caches believe it.
    if (isNamed(etag, headers['if-none-match'])) return reply.code(304).send(method === 'HEAD' ? body : undefined);
    if (coding !== null && coded) reply.headers(CODING_HEADERS[coding]);
    return reply.send(body);
  };
}
