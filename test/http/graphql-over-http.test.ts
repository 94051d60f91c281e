import { serverAudits } from 'graphql-http';
import { startTestApp, type TestApp } from '../support/test-app.ts';

let testApp: TestApp;
let url: string;

beforeAll(async () => {
  testApp = await startTestApp({
    fleet: { managers: 1, workstations: 1 },
    env: { ANONYMOUS_ROLE: 'ADMIN', CORS_ORIGINS: 'https://app.example' },
  });
  url = `${testApp.app.url}/graphql`;
});

afterAll(() => testApp.close());

const JSON_BODY = { 'content-type': 'application/json' };
const READ = '{ workstations { nodes { name } } }';
const ADD = 'mutation { createManager(input: { name: "Eve", email: "eve@example.com" }) { id } }';

const get = (query: string, headers: Record<string, string> = {}) =>
  fetch(`${url}?query=${encodeURIComponent(query)}`, { headers });

const post = (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
  fetch(url, { method: 'POST', headers: { ...JSON_BODY, ...headers }, body });

const ask = (query: string, headers?: Record<string, string>) => post(JSON.stringify({ query }), headers);

async function expectRefusal(response: Response, status: number) {
  expect(response.status).toBe(status);
  expect(response.headers.get('content-type')).toMatch(/^application\/(graphql-response\+)?json/);
  expect(await response.json()).toEqual({
    errors: [{ message: expect.any(String), extensions: { code: 'BAD_USER_INPUT' } }],
  });
}

describe('the audits of graphql-http', () => {
  const audits = serverAudits({ url: () => url });

  test('are the 61 known ones', () => expect(audits).toHaveLength(61));

  test.each(audits.map(({ id, name, fn }) => [id, name, fn] as const))('%s %s', async (_id, _name, audit) => {
    expect(await audit()).toMatchObject({ status: 'ok' });
  });
});

describe('the media type of an answer', () => {
  test.each([
    [undefined, 'application/json'],
    ['*/*', 'application/json'],
    ['application/json', 'application/json'],
    ['application/graphql-response+json', 'application/graphql-response+json'],
    ['application/graphql-response+json, application/json;q=0.9', 'application/graphql-response+json'],
    ['text/html, application/*;q=0.5', 'application/json'],
  ])('for Accept: %s is %s', async (accept, mediaType) => {
    const response = await ask('{ __typename }', accept === undefined ? {} : { accept });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe(`${mediaType}; charset=utf-8`);
  });

  test.each(['{ nothing }', '{ workstations', 'query ($n: Int!) { workstations(first: $n) { totalCount } }', '{ a: }'])(
    'decides the status of %s, which GraphQL refuses',
    async (query) => {
      const plain = await ask(query, { accept: 'application/json' });
      const own = await ask(query, { accept: 'application/graphql-response+json' });
      expect([plain.status, own.status]).toEqual([200, 400]);
      expect(await plain.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    },
  );

  test.each(['text/plain', 'text/html', 'image/*, application/xml', 'application/json;q=0'])(
    'cannot be %s: 406, and nothing is executed',
    async (accept) => {
      await expectRefusal(await ask(ADD, { accept }), 406);
      expect(await testApp.sql("select 1 from manager where name = 'Eve'")).toEqual([]);
    },
  );
});

describe('a method', () => {
  test.each(['PUT', 'PATCH', 'DELETE'])('%s is refused with 405', async (method) => {
    const response = await fetch(url, { method, headers: JSON_BODY, body: JSON.stringify({ query: READ }) });
    expect(response.headers.get('allow')).toBe('GET, POST');
    await expectRefusal(response, 405);
  });

  test('HEAD is refused with 405', async () => {
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(405);
  });

  test.each<Record<string, string>>([{ 'apollo-require-preflight': '1' }, {}])(
    'GET cannot change anything, with the headers %j',
    async (headers) => {
      const response = await get(ADD, headers);
      expect(response.headers.get('allow')).toBe('POST');
      expect(response.status).toBe(405);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
      expect(await testApp.sql("select 1 from manager where name = 'Eve'")).toEqual([]);
    },
  );
});

describe('a body', () => {
  test.each([
    ['that is empty', ''],
    ['that is no JSON', '{"query":'],
    ['that is a number', '1'],
    ['that is null', 'null'],
    ['without a query', '{"variables":{}}'],
    ['with several operations', JSON.stringify([{ query: READ }, { query: READ }])],
  ])('%s is refused with 400', async (_what, body) => expectRefusal(await post(body), 400));

  test('over 1 MiB is refused with 413', async () => {
    await expectRefusal(await post(JSON.stringify({ query: `{ __typename } #${'x'.repeat(1024 * 1024)}` })), 413);
  });

  test('nested half a million deep in its variables is answered', async () => {
    const deep = `${'['.repeat(500_000)}${']'.repeat(500_000)}`;
    const response = await post(`{"query":"{ __typename }","variables":{"unused":${deep}}}`);
    expect(await response.json()).toEqual({ data: { __typename: 'Query' } });
  });

  test.each(['utf-16', 'utf-16le', 'iso-8859-1', 'utf-7', '"shift_jis"', 'nonsense'])(
    'in the charset %s is refused with 415',
    async (charset) => {
      await expectRefusal(
        await post(JSON.stringify({ query: READ }), { 'content-type': `application/json; charset=${charset}` }),
        415,
      );
    },
  );

  test.each(['utf-8', 'UTF-8', '"utf-8"', 'utf8'])('in the charset %s is read', async (charset) => {
    const headers = { 'content-type': `application/json; charset=${charset}` };
    expect(await (await post('{"query":"{ __typename }"}', headers)).json()).toEqual({ data: { __typename: 'Query' } });
  });

  test('that is not UTF-8 is refused with 400 for any declared charset', async () => {
    const latin1 = new Uint8Array(Buffer.from('{"query":"{ __typename } # \u00e9"}', 'latin1'));
    await expectRefusal(await post(latin1), 400);
    const utf16 = new Uint8Array(Buffer.from('\ufeff{"query":"{ __typename }"}', 'utf16le'));
    await expectRefusal(await post(utf16), 400);
  });

  test.each(['gzip', 'br', 'deflate'])('compressed with %s is refused with 415', async (encoding) => {
    await expectRefusal(await post('{"query":"{ __typename }"}', { 'content-encoding': encoding }), 415);
  });
});

describe('a request that any web page could send', () => {
  test.each([
    ['a form', 'application/x-www-form-urlencoded'],
    ['a form with files', 'multipart/form-data; boundary=x'],
    ['plain text', 'text/plain'],
    ['plain text that speaks of JSON', 'text/plain; x=application/json'],
    ['plain text that looks like JSON', 'text/plain, application/json'],
    ['XML', 'text/xml'],
  ])('as %s is refused with 415, and no resolver sees it', async (_what, contentType) => {
    const statements = await testApp.countStatements(async () => {
      const response = await post(JSON.stringify({ query: ADD }), { 'content-type': contentType });
      await expectRefusal(response, 415);
    });
    expect(statements).toBe(0);
  });

  test('as bytes without a type is refused, and no resolver sees it', async () => {
    const body = new Uint8Array(Buffer.from(JSON.stringify({ query: ADD })));
    const statements = await testApp.countStatements(async () => {
      await expectRefusal(await fetch(url, { method: 'POST', body }), 415);
    });
    expect(statements).toBe(0);
  });

  test.each([READ, `query A { __typename } query B ${READ}`, '{ ...on Query { workstations { totalCount } } }'])(
    'as a GET of %s is refused with 400, and no resolver sees it',
    async (query) => {
      const statements = await testApp.countStatements(async () => {
        await expectRefusal(await get(`${query}&operationName=B`), 400);
        await expectRefusal(await get(query, { 'content-type': 'text/plain' }), 400);
        await expectRefusal(await get(query, { 'apollo-require-preflight': '' }), 400);
        await expectRefusal(await fetch(`${url}?query=${encodeURIComponent(query)}&operationName=B`), 400);
      });
      expect(statements).toBe(0);
    },
  );

  test('may be a GET of fields without a resolver', async () => {
    const response = await get('{ __typename __type(name: "Workstation") { name } }');
    expect(await response.json()).toEqual({ data: { __typename: 'Query', __type: { name: 'Workstation' } } });
  });

  test.each<Record<string, string>>([
    { 'apollo-require-preflight': 'true' },
    { 'x-apollo-operation-name': 'Read' },
    { 'content-type': 'application/json' },
  ])('is accepted with %j, which only an allowed page can send', async (headers) => {
    expect(await (await get(READ, headers)).json()).toMatchObject({ data: { workstations: { nodes: [{}] } } });
  });
});

describe('a page of another site', () => {
  const preflight = (origin: string, path = '/graphql') =>
    fetch(`${testApp.app.url}${path}`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'content-type' },
    });

  test('on the list is allowed', async () => {
    const { headers, status } = await preflight('https://app.example');
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
    expect(headers.get('vary')).toContain('Origin');
  });

  test.each([
    'https://evil.example',
    'https://app.example.evil.example',
    'https://evilapp.example',
    'http://app.example',
    'https://app.example:444',
    'null',
  ])('that is not on it, such as %s, is not allowed', async (origin) => {
    expect((await preflight(origin)).headers.get('access-control-allow-origin')).toBeNull();
    expect((await ask('{ __typename }', { origin })).headers.get('access-control-allow-origin')).toBeNull();
  });

  test('on the list can read the reason of a refusal', async () => {
    const { headers, status } = await post('{', { origin: 'https://app.example' });
    expect(status).toBe(400);
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example');
  });
});

test('an unreadable address is refused in the same form', async () => {
  await expectRefusal(await fetch(`${testApp.app.url}/%E0%A4%A`), 400);
});
