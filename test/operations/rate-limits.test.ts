import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { startStubServer, stopStubServers } from '../support/stub-server.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** Few enough for a test, with a refill so slow that even a slow machine does not see it. */
const PER_TOKEN = 4;
const PER_ADDRESS = 2;

describe('the application', () => {
  let testApp: TestApp;

  beforeAll(async () => {
    testApp = await startTestApp({
      fleet: { managers: 1, workstations: 1 },
      env: {
        ANONYMOUS_ROLE: 'VIEWER',
        RATE_LIMIT_PER_TOKEN: String(PER_TOKEN),
        RATE_LIMIT_PER_ADDRESS: String(PER_ADDRESS),
        TRUST_PROXY: 'loopback',
      },
    });
  });

  afterAll(() => testApp.close());

  const READ = '{ workstations { nodes { name } } }';

  async function ask(query: string, headers: Record<string, string>) {
    return fetch(`${testApp.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query }),
    });
  }

  async function expectRefusal(response: Response, perMinute: number) {
    expect(response.status).toBe(429);
    const retryAfter = Number(response.headers.get('retry-after'));
    expect(retryAfter).toBeGreaterThan(0);
    expect(retryAfter).toBeLessThanOrEqual(60 / perMinute);
    expect(await response.json()).toEqual({
      errors: [{ message: expect.stringContaining('try again in'), extensions: { code: 'RATE_LIMITED' } }],
    });
  }

  test('refuses a token over its limit, even for cached responses, and no other token', async () => {
    const authorization = `Bearer ${await testApp.token('VIEWER', 1000)}`;
    for (let n = 0; n < PER_TOKEN; n++) expect((await ask(READ, { authorization })).status).toBe(200);
    await expectRefusal(await ask(READ, { authorization }), PER_TOKEN);
    await expectRefusal(await ask(READ, { authorization: authorization.replace('Bearer ', 'bearer  ') }), PER_TOKEN);
    const another = `Bearer ${await testApp.token('VIEWER', 1001)}`;
    expect((await ask(READ, { authorization: another })).status).toBe(200);
  });

  test('counts operations over WebSockets as well', async () => {
    const token = await testApp.token('VIEWER', 2000);
    const client = createClient({
      url: `${testApp.app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: `Bearer ${token}` },
      retryAttempts: 0,
    });
    const read = async () => (await client.iterate({ query: READ }).next()).value;
    for (let n = 0; n < PER_TOKEN; n++) expect(await read()).toHaveProperty('data.workstations');
    const refusal = await read().catch((errors: unknown) => errors);
    expect(refusal).toEqual([
      { message: expect.stringContaining('try again in'), extensions: { code: 'RATE_LIMITED' } },
    ]);
    await expectRefusal(await ask(READ, { authorization: `Bearer ${token}` }), PER_TOKEN);
    await client.dispose();
  });

  test('refuses an address over its limit, and no other address', async () => {
    const from = (address: string) => ask(READ, { 'x-forwarded-for': address });
    for (let n = 0; n < PER_ADDRESS; n++) expect((await from('203.0.113.1')).status).toBe(200);
    await expectRefusal(await from('203.0.113.1'), PER_ADDRESS);
    await expectRefusal(await from('198.51.100.9, 203.0.113.1'), PER_ADDRESS);
    expect((await from('203.0.113.2')).status).toBe(200);
  });

  test('counts an IPv6 network as one address', async () => {
    const from = (address: string) => ask(READ, { 'x-forwarded-for': address });
    for (let n = 1; n <= PER_ADDRESS; n++) expect((await from(`2001:db8:0:1::${n}`)).status).toBe(200);
    await expectRefusal(await from('2001:db8:0:1:ffff:ffff:ffff:ffff'), PER_ADDRESS);
    expect((await from('2001:db8:0:2::1')).status).toBe(200);
    expect((await from('::ffff:203.0.113.77')).status).toBe(200);
  });

  test('limits the guessing of tokens', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.3', authorization: 'Bearer guess' };
    for (let n = 0; n < PER_ADDRESS; n++) expect((await ask(READ, headers)).status).toBe(401);
    await expectRefusal(await ask(READ, headers), PER_ADDRESS);
    await expectRefusal(await ask(READ, { 'x-forwarded-for': '203.0.113.3' }), PER_ADDRESS);
  });

  test('limits only the client that causes the load', async () => {
    const socket = await testApp.connect('OPERATOR');
    expect(await socket.subscribe(READ).next()).toHaveProperty('data.workstations');
    await socket.close();
  });
});

describe('the limit', () => {
  afterEach(stopStubServers);

  const rates = { perToken: 60, perAddress: 6 };

  test('refills evenly, one operation at a time', async () => {
    const { post, timers } = await startStubServer({ config: { rates } });
    const statuses = async (count: number) => {
      const found: number[] = [];
      for (let n = 0; n < count; n++) found.push((await post('{ hello }')).status);
      return found;
    };
    expect(await statuses(7)).toEqual([200, 200, 200, 200, 200, 200, 429]);
    expect((await post('{ hello }')).headers.get('retry-after')).toBe('10');
    timers.advance(9999);
    expect(await statuses(1)).toEqual([429]);
    expect((await post('{ hello }')).headers.get('retry-after')).toBe('1');
    timers.advance(1);
    expect(await statuses(2)).toEqual([200, 429]);
    timers.advance(3_600_000);
    expect(await statuses(7)).toEqual([200, 200, 200, 200, 200, 200, 429]);
  });

  test('does not count requests without cost', async () => {
    const { url } = await startStubServer({ config: { rates: { perToken: 1, perAddress: 1 } } });
    for (let n = 0; n < 5; n++) expect((await fetch(`${url}/livez`)).status).toBe(200);
  });

  test('trusts no X-Forwarded-For by default', async () => {
    const { post } = await startStubServer({ config: { rates: { perToken: 1, perAddress: 1 } } });
    expect((await post('{ hello }', { headers: { 'x-forwarded-for': '203.0.113.1' } })).status).toBe(200);
    expect((await post('{ hello }', { headers: { 'x-forwarded-for': '203.0.113.2' } })).status).toBe(429);
  });

  test('trusts the configured number of proxies', async () => {
    const { post } = await startStubServer({ config: { rates: { perToken: 1, perAddress: 1 }, trustProxy: 1 } });
    const from = (addresses: string) => post('{ hello }', { headers: { 'x-forwarded-for': addresses } });
    expect((await from('198.51.100.1, 203.0.113.1')).status).toBe(200);
    expect((await from('198.51.100.2, 203.0.113.1')).status).toBe(429);
    expect((await from('198.51.100.1, 203.0.113.2')).status).toBe(200);
  });
});
