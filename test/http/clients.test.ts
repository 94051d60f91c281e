import { startStubServer, stopStubServers } from '../support/stub-server.ts';

/* What GraphQL clients expect of a server: queries over GET, and one media type for every response. */

afterEach(stopStubServers);

const HELLO = { data: { hello: 'Hello anonymous' } };

describe.each([true, false])('with httpFastPath %s,', (httpFastPath) => {
  const start = (config: object = {}) => startStubServer({ config: { httpFastPath, ...config } });
  const get = (url: string, headers: Record<string, string>, search = 'query={hello}') =>
    fetch(`${url}/graphql?${search}`, { headers });

  describe('a query over GET', () => {
    test.each<Record<string, string>>([
      { 'graphql-require-preflight': '1' },
      { 'apollo-require-preflight': 'true' },
      { 'x-apollo-operation-name': 'Hello' },
      { 'content-type': 'application/json' },
      { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' },
      { 'sec-fetch-site': 'cross-site', origin: 'https://app.example' },
    ])('is answered with %j', async (headers) => {
      const { url } = await start();
      expect(await (await get(url, headers)).json()).toEqual(HELLO);
    });

    test('is answered with a token, as urql sends it', async () => {
      const { url } = await start();
      const accept = 'application/graphql-response+json, application/graphql+json, application/json, text/event-stream';
      const answer = await get(url, { authorization: 'Bearer viewer', accept }, 'query={hello}&variables={}');
      expect(answer.headers.get('content-type')).toContain('application/graphql-response+json');
      expect(await answer.json()).toEqual({ data: { hello: 'Hello viewer' } });
    });

    test.each<Record<string, string>>([
      {},
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-site': 'same-site' },
      { 'sec-fetch-site': 'cross-site' },
      { authorization: '' },
      { 'content-type': 'text/plain' },
      { cookie: 'session=1', origin: 'https://other.example' },
      { origin: 'null' },
      { accept: 'application/json, text/html;q=0.5' },
    ])('is refused with %j, which any page can bring about', async (headers) => {
      const { contexts, url } = await start();
      const answer = await get(url, headers);
      expect(answer.status).toBe(400);
      expect(await answer.json()).toMatchObject({
        errors: [{ message: expect.stringContaining('graphql-require-preflight') }],
      });
      expect(contexts).toEqual([]);
    });

    test('is refused in the same way whatever its parameters are', async () => {
      const { url } = await start();
      for (const search of ['query={hello}&variables=7', 'variables=7', 'query={', '']) {
        const message = expect.stringContaining('Any web page could have');
        expect(await (await get(url, {}, search)).json()).toMatchObject({ errors: [{ message }] });
      }
    });
  });

  describe('a client that accepts application/graphql-response+json gets it for', () => {
    const TYPE = 'application/graphql-response+json; charset=utf-8';
    const ACCEPT = 'application/graphql-response+json, application/json;q=0.9';
    const rows: readonly [string, number, object, object?, object?][] = [
      ['a response', 200, { query: '{ hello }' }],
      ['a document that cannot be parsed', 400, { query: '{' }],
      ['a document that is not valid', 400, { query: '{ nothing }' }],
      ['a body without a document', 400, { variables: {} }],
      ['variables that are a list', 400, { query: '{ hello }', variables: [] }],
      ['a batch', 400, [{ query: '{ hello }' }]],
      ['a subscription', 400, { query: 'subscription { ticks }' }],
      ['a token that is refused', 401, { query: '{ hello }' }, { authorization: 'Bearer bad' }],
      ['a token that cannot be verified', 503, { query: '{ hello }' }, { authorization: 'Bearer unverifiable' }],
      ['a failure', 500, { query: '{ hello }' }, { authorization: 'Bearer surprise' }],
      ['a rate limit', 429, { query: '{ hello }' }, {}, { rates: { perToken: 1, perAddress: 1 } }],
      ['a body that is too large', 413, { query: `{ hello } #${'x'.repeat(1_100_000)}` }],
      ['a body of another type', 415, { query: '{ hello }' }, { 'content-type': 'text/plain' }],
      [
        'a body in another charset',
        415,
        { query: '{ hello }' },
        { 'content-type': 'application/json; charset=utf-16' },
      ],
    ];

    test.each(rows.map((row) => [row[0], row] as const))('%s', async (_what, [, status, body, headers, config]) => {
      const { url } = await start(config);
      const send = (accept: string) =>
        fetch(`${url}/graphql`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', accept, ...headers },
          body: JSON.stringify(body),
        });
      if (config) await send(ACCEPT);
      const own = await send(ACCEPT);
      expect([own.status, own.headers.get('content-type')]).toEqual([status, TYPE]);
      const plain = await send('application/json');
      expect(plain.headers.get('content-type')).toBe('application/json; charset=utf-8');
      expect(await plain.json()).toEqual({
        ...((await own.json()) as object),
        ...(status === 500 && { errors: [expect.anything()] }),
      });
    });

    test('a GET that is refused, and a mutation over GET', async () => {
      const { url } = await start();
      const forged = await get(url, { accept: ACCEPT });
      expect([forged.status, forged.headers.get('content-type')]).toEqual([400, TYPE]);
      const mutation = await get(url, { accept: ACCEPT, 'graphql-require-preflight': '1' }, 'query=mutation{bump}');
      expect([mutation.status, mutation.headers.get('content-type')]).toEqual([405, TYPE]);
    });
  });
});
