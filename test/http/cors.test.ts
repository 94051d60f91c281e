import { loadConfig } from '../../src/config/config.ts';
import { startStubServer, stopStubServers } from '../support/stub-server.ts';

/* What browsers ask on behalf of pages from other origins. */

afterEach(stopStubServers);

const APP = 'https://app.example';

async function preflight(url: string, headers: Record<string, string>, path = '/graphql') {
  const response = await fetch(`${url}${path}`, {
    method: 'OPTIONS',
    headers: { origin: APP, 'access-control-request-method': 'POST', ...headers },
  });
  expect(response.status).toBe(204);
  return response.headers;
}

describe('a page of a listed origin may send', () => {
  test.each([
    'content-type,traceparent,baggage',
    'authorization, content-type, x-datadog-trace-id',
    'graphql-require-preflight',
    "x-!#$%&'*+.^_`|~-1",
    Array.from({ length: 100 }, (_, index) => `x-header-${index}`).join(','),
  ])('%s', async (names) => {
    const { url } = await startStubServer();
    const headers = await preflight(url, { 'access-control-request-headers': names });
    expect(headers.get('access-control-allow-origin')).toBe(APP);
    expect(headers.get('access-control-allow-headers')).toBe(names);
    expect(headers.get('vary')).toBe('Origin, Access-Control-Request-Method, Access-Control-Request-Headers');
    expect(headers.get('access-control-max-age')).toBe('600');
  });

  test.each(['x y', 'x;y', '"x"', 'a,,b', `x-${'y'.repeat(5000)}`])('not the header %s', async (names) => {
    const { url } = await startStubServer();
    const headers = await preflight(url, { 'access-control-request-headers': names });
    expect(headers.get('access-control-allow-headers')).toBeNull();
  });

  test.each([
    ['POST', 'GET, POST'],
    ['PUT', 'GET, POST, PUT'],
    ['P UT', 'GET, POST'],
  ])('the method %s', async (method, methods) => {
    const { url } = await startStubServer();
    const headers = await preflight(url, { 'access-control-request-method': method });
    expect(headers.get('access-control-allow-methods')).toBe(methods);
  });

  test('headers of tracing to /metrics', async () => {
    const { url } = await startStubServer();
    const headers = await preflight(url, { 'access-control-request-headers': 'traceparent' }, '/metrics');
    expect(headers.get('access-control-allow-headers')).toBe('traceparent');
  });
});

test('a page of another origin may send nothing', async () => {
  const { url } = await startStubServer();
  const names = { 'access-control-request-headers': 'traceparent' };
  const headers = await preflight(url, { ...names, origin: 'https://evil.example' });
  expect([...headers.keys()].filter((name) => /^access-control-allow/.test(name))).toEqual([]);
});

test('a page of a listed origin can read what it needs to act on a response', async () => {
  const { post } = await startStubServer();
  const { headers } = await post('{ hello }', { headers: { origin: APP } });
  expect(headers.get('access-control-expose-headers')!.split(', ')).toEqual(
    expect.arrayContaining(['content-disposition', 'etag', 'retry-after', 'www-authenticate', 'x-request-id']),
  );
});

describe('in development a page of', () => {
  const CONFIG = loadConfig({ CORS_ORIGINS: APP, PORT: '0', HTTP_FAST_PATH: process.env.HTTP_FAST_PATH });
  const mayRead = async (origin: string, config = CONFIG) => {
    const { post, url } = await startStubServer({ config });
    const asked = (await preflight(url, { origin })).get('access-control-allow-origin');
    const answered = (await post('{ hello }', { headers: { origin } })).headers.get('access-control-allow-origin');
    expect(asked).toBe(answered);
    return answered === origin;
  };

  test.each([
    'http://localhost:5173',
    'http://localhost',
    'https://localhost:3000',
    'http://127.0.0.1:8080',
    'http://[::1]:5173',
    'http://fleet.localhost:5173',
    'https://sandbox.embed.apollographql.com',
    APP,
  ])('%s may read responses', async (origin) => expect(await mayRead(origin)).toBe(true));

  test.each(['http://localhost.evil.example', 'http://127.0.0.1.evil.example', 'http://192.168.0.7:5173', 'null'])(
    '%s may not',
    async (origin) => expect(await mayRead(origin)).toBe(false),
  );

  test('no origin may where CORS_ORIGINS is none', async () => {
    const none = loadConfig({ CORS_ORIGINS: 'none', PORT: '0' });
    expect(await mayRead('http://localhost:5173', none)).toBe(false);
    expect(await mayRead('https://studio.apollographql.com', none)).toBe(false);
  });
});

test('in production no loopback origin may', () => {
  const AUTH_JWT_SECRET = 'a secret for tests only, of more than 32 bytes';
  const { corsLoopback, corsOrigins } = loadConfig({ NODE_ENV: 'production', AUTH_JWT_SECRET, CORS_ORIGINS: APP });
  expect({ corsLoopback, corsOrigins }).toEqual({ corsLoopback: false, corsOrigins: [APP] });
});
