import { mkdtemp, rm } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { decodeJwt } from 'jose';
import { createDevelopmentSigner } from '../../src/auth/development-tokens.ts';
import { loadConfig } from '../../src/config/config.ts';
import { startStubServer, stopStubServers } from '../support/stub-server.ts';

/* The console's sign-in asks for tokens in development. Nobody else gets one. */

let dataDir: string;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'development-token-'));
});

afterAll(() => rm(dataDir, { recursive: true }));
afterEach(stopStubServers);

async function start() {
  const signDevelopmentToken = createDevelopmentSigner(loadConfig({ NODE_ENV: 'development', DATA_DIR: dataDir }))!;
  const { url } = await startStubServer({ config: { console: true }, signDevelopmentToken });
  const { host, origin } = new URL(url);
  return { url, host, origin };
}

interface Sent {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string;
}

/** Sends the headers as they are given: `fetch` would write some of them itself. */
function send(url: string, { method = 'POST', headers = {}, body = '{"role":"ADMIN"}' }: Sent) {
  return new Promise<{ status: number; headers: Record<string, unknown>; body: any }>((resolve, reject) => {
    const sent = request(`${url}/console/development-token`, { method }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (part) => {
        text += part;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode!, headers: response.headers, body: text && JSON.parse(text) }),
      );
    });
    for (const [name, value] of Object.entries({ 'content-type': 'application/json', ...headers })) {
      sent.setHeader(name, value);
    }
    sent.on('error', reject).end(body);
  });
}

test('the console, opened on the same machine, gets a token for a role', async () => {
  const { origin, url } = await start();
  const { body, headers, status } = await send(url, { headers: { origin, 'sec-fetch-site': 'same-origin' } });
  expect(status).toBe(200);
  expect(decodeJwt(body.token)).toMatchObject({ sub: 'development-admin', roles: ['ADMIN'] });
  expect(headers['cache-control']).toBe('private, no-store');
});

test('it gets one under every name of this machine', async () => {
  const { url } = await start();
  const { port } = new URL(url);
  for (const host of [`localhost:${port}`, `[::1]:${port}`, `fleet.localhost:${port}`]) {
    const { status } = await send(url, {
      headers: { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
    });
    expect([host, status]).toEqual([host, 200]);
  }
});

describe('refused is', () => {
  test.each<[string, (own: { host: string; origin: string }) => Record<string, string>]>([
    ['a page of another site', () => ({ origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' })],
    [
      'a page of another port of this machine',
      () => ({ origin: 'http://localhost:5173', 'sec-fetch-site': 'same-site' }),
    ],
    [
      'a page that lies about its origin, whose browser does not',
      ({ origin }) => ({ origin, 'sec-fetch-site': 'cross-site' }),
    ],
    ['a link or an address that somebody typed', ({ origin }) => ({ origin, 'sec-fetch-site': 'none' })],
    [
      'a page whose name an attacker leads to this machine',
      () => ({ host: 'evil.example:4000', origin: 'http://evil.example:4000', 'sec-fetch-site': 'same-origin' }),
    ],
    ['a page in a sandbox', () => ({ origin: 'null', 'sec-fetch-site': 'same-origin' })],
    ['a request that names no origin', () => ({ 'sec-fetch-site': 'same-origin' })],
    [
      'a request through a proxy',
      ({ origin }) => ({ origin, 'sec-fetch-site': 'same-origin', 'x-forwarded-for': '203.0.113.5' }),
    ],
    ['a request through a proxy that says so otherwise', ({ origin }) => ({ origin, forwarded: 'for=203.0.113.5' })],
    ['a page of another scheme', ({ host }) => ({ origin: `https://${host}`, 'sec-fetch-site': 'same-origin' })],
  ])('%s', async (_who, headersOf) => {
    const own = await start();
    const { body, headers, status } = await send(own.url, { headers: headersOf(own) });
    expect(status).toBe(403);
    expect(body).toMatchObject({ errors: [{ extensions: { code: 'FORBIDDEN' } }] });
    expect(JSON.stringify(headers)).not.toContain('evil');
  });

  test('a form, which needs no leave to be sent', async () => {
    const { origin, url } = await start();
    const headers = { origin, 'content-type': 'text/plain' };
    expect((await send(url, { headers })).status).toBe(415);
  });

  test('another method', async () => {
    const { origin, url } = await start();
    const { status } = await send(url, { method: 'GET', headers: { origin }, body: '' });
    expect(status).toBe(405);
  });

  test.each(['{"role":"ROOT"}', '{}', 'null', '["ADMIN"]'])('the body %s', async (body) => {
    const { origin, url } = await start();
    const answer = await send(url, { headers: { origin }, body });
    expect(answer.status).toBe(400);
    expect(answer.body).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
  });
});

test.each([
  ['in production', { NODE_ENV: 'production', AUTH_JWT_SECRET: 'a secret of more than thirty-two bytes' }],
  ['with a secret that was given', { AUTH_JWT_SECRET: 'a secret of more than thirty-two bytes' }],
  [
    "with an identity provider's keys",
    { AUTH_JWKS_URL: 'https://id.example/keys', AUTH_ISSUER: 'https://id.example', AUTH_AUDIENCE: 'fleet' },
  ],
])('there are no such tokens %s', async (_when, env) => {
  expect(createDevelopmentSigner(loadConfig(env))).toBeUndefined();
  const { origin, url } = { ...(await startStubServer()), origin: '' };
  expect((await send(url, { headers: { origin } })).status).toBe(404);
});
