import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync } from 'node:zlib';
import { startStubServer, stopStubServers } from '../support/stub-server.ts';

const SCRIPT = `console.log(${JSON.stringify('a script '.repeat(200))});`;
const PAGE_PATHS = ['/', '/workstations/5', '/managers', '/performance', '/cache', '/agents'];

let folder: string;

/** Looks like the console's build. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'console-'));
  await mkdir(join(folder, 'assets'));
  const html = (title: string) => `<!doctype html><meta name="stationmaster" content="" /><title>${title}</title>`;
  await Promise.all([
    writeFile(join(folder, 'index.html'), html('Console')),
    writeFile(join(folder, 'graphiql.html'), html('GraphiQL')),
    writeFile(join(folder, 'secret.txt'), 'not to be served'),
    writeFile(join(folder, 'assets', 'main-1234.js'), SCRIPT),
    writeFile(join(folder, 'assets', 'main-1234.js.br'), brotliCompressSync(SCRIPT)),
    writeFile(join(folder, 'assets', 'style-1234.css'), 'body {}'),
  ]);
});

afterAll(() => rm(folder, { recursive: true }));
afterEach(stopStubServers);

/** Sends a path as it is: `fetch` would tidy it up. */
function statusOf(url: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { path }, (response) => resolve(response.resume().statusCode!));
    sent.on('error', reject).end();
  });
}

describe('the console', () => {
  test.each(PAGE_PATHS)('has its document at %s', async (path) => {
    const { url } = await startStubServer({ consoleFolder: folder });
    const response = await fetch(url + path);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
      'x-frame-options': 'DENY',
    });
    expect(await response.text()).toContain('<title>Console</title>');
  });

  test('lets its pages load nothing from elsewhere, run no inline script and be framed by nobody', async () => {
    const { url } = await startStubServer({ consoleFolder: folder });
    const policy = (await fetch(url)).headers.get('content-security-policy')!;
    expect(policy).toContain("default-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|\*|http/);
    const graphiql = (await fetch(`${url}/graphiql`)).headers.get('content-security-policy')!;
    expect(graphiql).toContain("default-src 'self';");
    expect(graphiql).not.toMatch(/script-src|unsafe-eval|\*|http/);
  });

  test('tells its document what it needs to know of the server, which is no secret', async () => {
    const { url } = await startStubServer({ consoleFolder: folder });
    const [, content] = /content="(.*?)"/.exec(await (await fetch(url)).text())!;
    expect(JSON.parse(content!.replaceAll('&quot;', '"'))).toEqual({
      anonymousRole: 'VIEWER',
      developmentRoles: [],
      graphiql: true,
    });
  });

  test('answers 304 for a document that the browser has', async () => {
    const { url } = await startStubServer({ consoleFolder: folder });
    const etag = (await fetch(url)).headers.get('etag')!;
    const response = await fetch(url, { headers: { 'if-none-match': etag } });
    expect([response.status, await response.text()]).toEqual([304, '']);
  });

  test('never calls a document that the browser has an empty one', async () => {
    const { url } = await startStubServer({ consoleFolder: folder });
    const { headers } = await fetch(url, { method: 'HEAD' });
    const unchanged = { 'if-none-match': headers.get('etag')! };
    const head = await fetch(url, { method: 'HEAD', headers: unchanged });
    expect([head.status, head.headers.get('content-length')]).toEqual([304, headers.get('content-length')]);
    expect((await fetch(url, { headers: unchanged })).headers.get('content-length')).toBeNull();
  });

  test('answers HEAD with the headers only, and knows no other method', async () => {
    const { url } = await startStubServer({ consoleFolder: folder });
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([200, '']);
    expect(head.headers.get('etag')).toBe((await fetch(url)).headers.get('etag'));
    expect((await fetch(url, { method: 'POST' })).status).toBe(404);
  });

  test('has assets that browsers keep for good, compressed as the build did it', async () => {
    const { url } = await startStubServer({ consoleFolder: folder });
    const asset = `${url}/assets/main-1234.js`;
    const compressed = await fetch(asset, { headers: { 'accept-encoding': 'br' } });
    expect(Object.fromEntries(compressed.headers)).toMatchObject({
      'cache-control': 'public, max-age=31536000, immutable',
      'content-type': 'text/javascript; charset=utf-8',
      'content-encoding': 'br',
      'content-length': String(brotliCompressSync(SCRIPT).length),
      vary: 'Accept-Encoding',
    });
    expect(await compressed.text()).toBe(SCRIPT);
    const plain = await fetch(asset, { headers: { 'accept-encoding': 'identity' } });
    expect(plain.headers.get('content-encoding')).toBeNull();
    expect(plain.headers.get('etag')).not.toBe(compressed.headers.get('etag'));
    expect(await plain.text()).toBe(SCRIPT);
  });

  test.each([
    '/assets/../secret.txt',
    '/assets/..%2fsecret.txt',
    '/assets/%2e%2e/secret.txt',
    '/assets/..%5csecret.txt',
    '/assets/main-1234.js.br',
    '/assets/main-1234.js%00',
    '/assets/',
    '/secret.txt',
    '/index.html',
  ])('has nothing at %s', async (path) => {
    const { url } = await startStubServer({ consoleFolder: folder });
    expect(await statusOf(url, path)).toBe(404);
  });

  test('leaves unknown paths to the API, which answers in its own shape', async () => {
    const { url } = await startStubServer({ consoleFolder: folder });
    for (const path of ['/nothing', '/managers/5', '/assets/none-1234.js', '/console']) {
      const response = await fetch(url + path, { headers: { accept: 'text/html' } });
      expect(response.status).toBe(404);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'NOT_FOUND' } }] });
    }
  });

  test('is not served when it is off', async () => {
    const { url } = await startStubServer({ consoleFolder: folder, config: { console: false } });
    for (const path of [...PAGE_PATHS, '/graphiql', '/assets/main-1234.js']) {
      expect((await fetch(url + path)).status).toBe(404);
    }
  });

  test('is not served when it was not built: the server starts and answers as without it', async () => {
    const { post, server, url } = await startStubServer({ consoleFolder: join(folder, 'none') });
    expect((await fetch(url)).status).toBe(404);
    expect((await post('{ hello }')).status).toBe(200);
    expect(server.console).toBe('not built');
  });
});

test('GraphiQL is served wherever clients may query the schema', async () => {
  const statusIn = async (config: { environment: 'production'; introspection: boolean } | undefined) => {
    const { url } = await startStubServer({ consoleFolder: folder, config: { ...config, corsOrigins: [] } });
    return (await fetch(`${url}/graphiql`)).status;
  };
  expect(await statusIn(undefined)).toBe(200);
  expect(await statusIn({ environment: 'production', introspection: true })).toBe(200);
  expect(await statusIn({ environment: 'production', introspection: false })).toBe(404);
});
