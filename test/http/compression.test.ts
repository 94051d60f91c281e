import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { RESPONSES } from '../../src/operations/response-cache.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const LIST = '{ workstations(first: 50) { nodes { id name hostname operatingSystem cpuUsage } } }';

const DECODERS: Record<string, (bytes: Buffer) => Buffer> = {
  br: brotliDecompressSync,
  gzip: gunzipSync,
  zstd: zstdDecompressSync,
};

interface Asked {
  readonly path?: string;
  readonly method?: string;
  readonly query?: string;
  readonly headers?: Record<string, string>;
}

interface Received {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly bytes: Buffer;
  readonly text: string;
}

const agent = new Agent({ keepAlive: true });

/** Unlike fetch, shows the bytes as they came. */
async function send(testApp: TestApp, acceptEncoding: string | null, asked: Asked = {}): Promise<Received> {
  const { path = '/graphql', method = 'POST', query = LIST, headers } = asked;
  const authorization = `Bearer ${await testApp.token('VIEWER')}`;
  const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
    const sent = request(`${testApp.app.url}${path}`, {
      agent,
      method,
      headers: {
        authorization,
        'content-type': 'application/json',
        ...(acceptEncoding !== null && { 'accept-encoding': acceptEncoding }),
        ...headers,
      },
    });
    sent.on('response', resolve).on('error', reject);
    sent.end(method === 'POST' ? JSON.stringify({ query }) : undefined);
  });
  const bytes = await buffer(response);
  const coding = response.headers['content-encoding'];
  const text = String(coding === undefined || bytes.length === 0 ? bytes : DECODERS[coding]!(bytes));
  return { status: response.statusCode!, headers: response.headers, bytes, text };
}

afterAll(() => agent.destroy());

describe.each(['on', 'off'])('with HTTP_FAST_PATH=%s, a response', (fastPath) => {
  let testApp: TestApp;

  beforeAll(async () => {
    testApp = await startTestApp({ fleet: { managers: 1, workstations: 60 }, env: { HTTP_FAST_PATH: fastPath } });
  });
  afterAll(() => testApp.close());
  beforeEach(() => testApp.app.cache.clear());

  const codingOf = async (acceptEncoding: string | null, asked?: Asked) =>
    (await send(testApp, acceptEncoding, asked)).headers['content-encoding'] ?? null;
  const cachedBytes = () => testApp.app.cache.getStats().layers.find(({ name }) => name === RESPONSES);

  it.each([
    [null, null],
    ['', null],
    ['gzip', 'gzip'],
    ['br', 'br'],
    ['zstd', 'zstd'],
    ['gzip, deflate, br, zstd', 'zstd'],
    ['gzip, deflate, br', 'br'],
    ['GZIP', 'gzip'],
    ['deflate', null],
    ['*', 'zstd'],
    ['br;q=0.5, gzip;q=0.8', 'gzip'],
    ['gzip;q=0', null],
    ['gzip;q=0.5, identity', null],
    ['identity;q=0, br', 'br'],
    ['identity;q=0', null],
    ['*;q=0', null],
    ['nonsense;;q=x', null],
  ])('to Accept-Encoding: %s has the coding %s, and the same content', async (acceptEncoding, coding) => {
    const plain = await send(testApp, null);
    // Fresh, cached, and compressed before.
    testApp.app.cache.clear();
    for (const _time of [1, 2, 3]) {
      const response = await send(testApp, acceptEncoding);
      expect(response.status).toBe(200);
      expect(response.headers['content-encoding'] ?? null).toBe(coding);
      expect(response.headers.vary).toMatch(/Accept-Encoding/);
      expect(response.headers['content-length']).toBe(String(response.bytes.length));
      expect(response.text).toBe(plain.text);
    }
  });

  it('is a fraction of its size', async () => {
    const { bytes } = await send(testApp, null);
    for (const coding of Object.keys(DECODERS)) {
      expect((await send(testApp, coding)).bytes.length).toBeLessThan(bytes.length / 2);
    }
  });

  it('of less than a kibibyte is left as it is', async () => {
    expect(await codingOf('br', { query: '{ workstations(first: 1) { totalCount } }' })).toBeNull();
  });

  it('with an error is compressed like any other', async () => {
    const fields = Array.from({ length: 30 }, (_, index) => `unknown${index}`).join(' ');
    const { status, headers, text } = await send(testApp, 'gzip', { query: `{ ${fields} }` });
    expect([status, headers['content-encoding']]).toEqual([200, 'gzip']);
    expect(JSON.parse(text).errors).toHaveLength(30);
  });

  it('that changed is compressed anew', async () => {
    await send(testApp, 'br');
    await send(testApp, 'br');
    await testApp.sql("update workstation set operating_system = 'Plan 9'");
    await testApp.waitUntilHeard();
    expect((await send(testApp, 'br')).text).toContain('Plan 9');
  });

  it('has an ETag of its own in each coding, which counts in that coding only', async () => {
    const path = `/graphql?query=${encodeURIComponent(LIST)}`;
    const get = (coding: string | null, etag?: string) =>
      send(testApp, coding, { path, method: 'GET', headers: etag === undefined ? {} : { 'if-none-match': etag } });
    const codings = [null, ...Object.keys(DECODERS)];
    const etags: string[] = [];
    for (const coding of codings) etags.push((await get(coding)).headers.etag!);
    expect(new Set(etags).size).toBe(4);
    expect(etags.map((etag) => etag.startsWith('W/'))).toEqual([false, true, true, true]);
    for (const [index, coding] of codings.entries()) {
      const statuses = [];
      for (const etag of etags) statuses.push((await get(coding, etag)).status);
      expect(statuses).toEqual(etags.map((_, other) => (other === index ? 304 : 200)));
    }
    const unchanged = await get('br', etags[1]!);
    expect(unchanged.headers.etag).toBe((await get('br')).headers.etag);
    expect(cachedBytes()!.hits).toBeGreaterThan(0);
  });

  it('as an export is compressed while it is sent', async () => {
    const asked = { path: '/export/workstations.csv', method: 'GET' };
    const plain = await send(testApp, null, asked);
    expect(plain.headers['content-encoding']).toBeUndefined();
    for (const coding of Object.keys(DECODERS)) {
      const { headers, text, bytes } = await send(testApp, coding, asked);
      expect(headers['content-encoding']).toBe(coding);
      expect(headers.vary).toMatch(/Accept-Encoding/);
      expect(text).toBe(plain.text);
      expect(bytes.length).toBeLessThan(plain.bytes.length / 2);
    }
  });
});

describe('COMPRESSION=off', () => {
  it('leaves every response as it is', async () => {
    const testApp = await startTestApp({ fleet: { managers: 1, workstations: 60 }, env: { COMPRESSION: 'off' } });
    expect((await send(testApp, 'br')).headers['content-encoding']).toBeUndefined();
    const asked = { path: '/export/workstations.csv', method: 'GET' };
    expect((await send(testApp, 'br', asked)).headers['content-encoding']).toBeUndefined();
    await testApp.close();
  });
});

describe('RESPONSE_CACHE_MAX_BYTES', () => {
  it('also bounds what a cached response takes in its codings', async () => {
    const env = { RESPONSE_CACHE_MAX_BYTES: '12000' };
    const testApp = await startTestApp({ fleet: { managers: 1, workstations: 60 }, env });
    const kept = () => testApp.app.cache.getStats().layers.find(({ name }) => name === RESPONSES)!;
    await send(testApp, null);
    expect([kept().size, kept().evictions]).toEqual([1, 0]);
    for (const coding of Object.keys(DECODERS)) await send(testApp, coding);
    expect(kept().evictions).toBeGreaterThan(0);
    await testApp.close();
  });
});
