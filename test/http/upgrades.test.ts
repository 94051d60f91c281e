import { startStubServer, stopStubServers } from '../support/stub-server.ts';
import { exchange } from '../support/wire.ts';

/* Clients and proxies offer other protocols with ordinary requests, and open WebSockets through proxies. */

afterEach(stopStubServers);

const BODY = '{"query":"{ hello }"}';
const CHUNKED = `${BODY.length.toString(16)}\r\n${BODY}\r\n0\r\n\r\n`;
const HANDSHAKE = ['sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==', 'sec-websocket-version: 13'];
const HTTP2 = ['Connection: Upgrade, HTTP2-Settings', 'HTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA'];

const request = (line: string, headers: readonly string[], body = '') =>
  `${[`${line} HTTP/1.1`, 'host: fleet.example', ...headers].join('\r\n')}\r\n\r\n${body}`;

const upgrade = (path: string, ...headers: readonly string[]) =>
  request(`GET ${path}`, ['connection: Upgrade', 'upgrade: websocket', ...HANDSHAKE, ...headers]);

describe.each([true, false])('with httpFastPath %s, an offer to upgrade to', (httpFastPath) => {
  describe.each([
    ['HTTP/2', ['Upgrade: h2c', ...HTTP2]],
    ['TLS', ['Upgrade: TLS/1.0', 'Connection: Upgrade']],
    ['several protocols', ['Upgrade: h2c, HTTP/3.0, IRC/6.9', 'Connection: upgrade, keep-alive']],
    ['nothing', ['Upgrade:', 'Connection: Upgrade']],
  ])('%s is ignored', (_name, offer) => {
    test.each([
      ['GET /livez', request('GET /livez', offer), 200, '{"status":"ok"}'],
      ['GET /metrics', request('GET /metrics', ['authorization: Bearer admin', ...offer]), 200, /stationmaster_/],
      [
        'GET /graphql',
        request('GET /graphql?query=%7Bhello%7D', ['apollo-require-preflight: 1', ...offer]),
        200,
        /Hello anonymous/,
      ],
      [
        'POST /graphql',
        request('POST /graphql', ['content-type: application/json', `content-length: ${BODY.length}`, ...offer], BODY),
        200,
        /Hello anonymous/,
      ],
      [
        'POST /graphql in chunks',
        request('POST /graphql', ['content-type: application/json', 'transfer-encoding: chunked', ...offer], CHUNKED),
        200,
        /Hello anonymous/,
      ],
      ['GET /nothing', request('GET /nothing', offer), 404, /NOT_FOUND/],
    ])('by %s', async (_what, text, status, body) => {
      const { url } = await startStubServer({ config: { httpFastPath } });
      const answer = await exchange(url, text);
      expect(answer.status).toBe(status);
      expect(answer.body).toMatch(body);
    });
  });

  test('a WebSocket is ignored with any other request than a GET of HTTP/1.1', async () => {
    const { url } = await startStubServer({ config: { httpFastPath } });
    const offer = ['connection: Upgrade', 'upgrade: websocket', ...HANDSHAKE];
    const headers = ['content-type: application/json', `content-length: ${BODY.length}`, ...offer];
    expect((await exchange(url, request('POST /graphql', headers, BODY))).body).toMatch(/Hello anonymous/);
    const old = upgrade('/livez').replace('HTTP/1.1', 'HTTP/1.0');
    expect((await exchange(url, old)).status).toBe(200);
  });

  test.each(['websocket', 'WebSocket', 'h2c, websocket'])('%s opens a WebSocket', async (protocol) => {
    const { url } = await startStubServer({ config: { httpFastPath } });
    const text = upgrade('/graphql').replace('upgrade: websocket', `upgrade: ${protocol}`);
    expect((await exchange(url, text)).status).toBe(101);
  });
});

describe('an upgrade that is refused', () => {
  const LISTED = 'https://app.example';

  test.each([
    ['for another address', upgrade('/socket?token=secret'), 404, 'NOT_FOUND'],
    ['from a foreign page', upgrade('/graphql', 'origin: https://evil.example'), 403, 'FORBIDDEN'],
    ['without a key', upgrade('/graphql').replace('sec-websocket-key', 'x-key'), 400, 'BAD_USER_INPUT'],
    ['of another version', upgrade('/graphql').replace('version: 13', 'version: 12'), 426, 'BAD_USER_INPUT'],
  ])('%s is answered in the shape of all refusals, and logged', async (_what, text, status, code) => {
    const { log, url } = await startStubServer();
    const answer = await exchange(url, text);
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(answer.body)).toEqual({ errors: [{ message: expect.any(String), extensions: { code } }] });
    const [line] = log.filter(({ msg }) => msg === 'upgrade refused');
    expect(line).toMatchObject({
      statusCode: status,
      code,
      host: 'fleet.example',
      path: expect.stringMatching(/^\/\w+$/),
    });
    expect(JSON.stringify(log)).not.toContain('secret');
  });

  test('because of its origin is logged with what to set', async () => {
    const { log, url } = await startStubServer();
    await exchange(url, upgrade('/graphql', 'origin: https://evil.example'));
    expect(log.find(({ msg }) => msg === 'upgrade refused')).toMatchObject({
      origin: 'https://evil.example',
      advice: expect.stringMatching(/CORS_ORIGINS.*TRUST_PROXY/),
    });
  });

  test('many times leaves a bounded number of lines, and the number of those left out', async () => {
    const { log, timers, url } = await startStubServer();
    for (let time = 0; time < 25; time++) await exchange(url, upgrade('/nothing'));
    expect(log.filter(({ msg }) => msg === 'upgrade refused')).toHaveLength(20);
    timers.advance(60_000);
    await exchange(url, upgrade('/nothing'));
    expect(log.filter(({ msg }) => msg === 'upgrade refused').at(-1)).toMatchObject({ leftOut: 5 });
  });

  test.each([LISTED, 'HTTPS://App.Example:443'])('is not one from the listed origin %s', async (origin) => {
    const { url } = await startStubServer();
    expect((await exchange(url, upgrade('/graphql', `origin: ${origin}`))).status).toBe(101);
  });
});

describe('the server’s own pages may open a WebSocket', () => {
  const ask = async (trustProxy: number | string[], host: string, origin: string, ...headers: string[]) => {
    const { url } = await startStubServer({ config: { trustProxy } });
    const text = upgrade('/graphql', `origin: ${origin}`, ...headers).replace('host: fleet.example', `host: ${host}`);
    return (await exchange(url, text)).status;
  };

  test.each([
    ['fleet.example', 'https://fleet.example'],
    ['fleet.example', 'http://fleet.example'],
    ['fleet.example:443', 'https://fleet.example'],
    ['fleet.example:80', 'http://fleet.example'],
    ['Fleet.Example', 'https://fleet.example'],
    ['fleet.example:8443', 'https://fleet.example:8443'],
    ['[::1]:4000', 'http://[::1]:4000'],
  ])('with Host: %s, those of %s', async (host, origin) => expect(await ask(0, host, origin)).toBe(101));

  test.each([
    ['fleet.example:80', 'https://fleet.example'],
    ['fleet.example:443', 'http://fleet.example'],
    ['fleet.example', 'https://fleet.example:8443'],
    ['fleet.example', 'https://fleet.example.evil.example'],
    ['fleet.example', 'https://evil.example@fleet.example'],
    ['evil.example@fleet.example', 'https://fleet.example'],
    ['fleet.example', 'ftp://fleet.example'],
    ['fleet.example', 'null'],
  ])('with Host: %s, not those of %s', async (host, origin) => expect(await ask(0, host, origin)).toBe(403));

  test.each([
    ['X-Forwarded-Host: fleet.example'],
    ['X-Forwarded-Host: Fleet.Example:443', 'X-Forwarded-Proto: https'],
    ['X-Forwarded-Host: fleet.example, inner.example'],
    ['X-Forwarded-Host: fleet.example', 'X-Forwarded-Proto: http'],
    ['Forwarded: for=192.0.2.1;proto=https;host=fleet.example;by=203.0.113.1'],
    ['Forwarded: for="[2001:db8::1]", for=192.0.2.1; Host="fleet.example:443"'],
  ])('behind a trusted proxy that sends %s', async (...headers) => {
    const askFor = (trustProxy: number | string[]) =>
      ask(trustProxy, '10.0.0.7:4000', 'https://fleet.example', ...headers);
    expect(await askFor(1)).toBe(101);
    expect(await askFor(['loopback'])).toBe(101);
    expect(await askFor(0)).toBe(403);
    expect(await askFor(['10.0.0.0/8'])).toBe(403);
  });

  test('on the port that the proxy reports', async () => {
    const headers = ['X-Forwarded-Host: fleet.example', 'X-Forwarded-Port: 8443'];
    expect(await ask(1, 'inner', 'https://fleet.example:8443', ...headers)).toBe(101);
    expect(await ask(1, 'inner', 'https://fleet.example:8444', ...headers)).toBe(403);
  });

  test('but not an unencrypted page of a host that the proxy serves encrypted', async () => {
    const headers = ['X-Forwarded-Host: fleet.example', 'X-Forwarded-Proto: https'];
    expect(await ask(1, 'inner', 'http://fleet.example', ...headers)).toBe(403);
  });
});
