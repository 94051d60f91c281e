import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { createServer } from 'node:net';
import { validate as isUuid } from 'uuid';
import { startStubServer, stopStubServers, until } from '../support/stub-server.ts';

afterEach(stopStubServers);

const PRODUCTION = { environment: 'production', host: '127.0.0.1', port: 0, corsOrigins: [] } as const;
const PREFLIGHTED = { 'apollo-require-preflight': 'true' };

function linesWith(log: readonly Record<string, unknown>[], msg: string) {
  return log.filter((line) => line.msg === msg);
}

describe('a GraphQL request', () => {
  test('is answered over POST', async () => {
    const { post } = await startStubServer();
    const response = await post('query ($name: String) { hello(name: $name) }', { variables: { name: 'Ada' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json; charset=utf-8');
    expect(response.headers.get('cache-control')).toBe('private, no-store');
    expect(await response.json()).toEqual({ data: { hello: 'Hello Ada' } });
  });

  test('is answered over GET when it is a query', async () => {
    const { url } = await startStubServer();
    const query = `${url}/graphql?query=${encodeURIComponent('{ hello(name: "a&b?") }')}`;
    const response = await fetch(query, { headers: PREFLIGHTED });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ data: { hello: 'Hello a&b?' } });
  });

  test('is refused over GET when it is a mutation', async () => {
    const { post, url } = await startStubServer();
    const response = await fetch(`${url}/graphql?query=mutation{bump}`, { headers: PREFLIGHTED });
    expect(response.status).toBe(405);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(await (await post('mutation { bump }')).json()).toMatchObject({ data: { bump: 1 } });
  });

  test('is refused over GET when any web page could have sent it', async () => {
    const { contexts, url } = await startStubServer();
    const response = await fetch(`${url}/graphql?query={hello}`);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    expect(contexts).toEqual([]);
  });

  test('may be persisted: the hash alone suffices the second time', async () => {
    const { url } = await startStubServer();
    const query = '{__typename}';
    const sha256Hash = 'ecf4edb46db40b5132295c0291d62fb65d6759a9eedfa4d5d612dd5ec54a6b38';
    const send = (body: object) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ ...body, extensions: { persistedQuery: { version: 1, sha256Hash } } }),
      });
    const unknown = await send({});
    expect(await unknown.json()).toMatchObject({ errors: [{ extensions: { code: 'PERSISTED_QUERY_NOT_FOUND' } }] });
    expect(unknown.status).toBe(200);
    await send({ query });
    expect(await (await send({})).json()).toEqual({ data: { __typename: 'Query' } });
  });
});

describe('a malformed request', () => {
  test.each([
    ['bad JSON', 400, 'application/json', '{"query":'],
    ['an empty body', 400, 'application/json', ''],
    ['JSON that is no operation', 400, 'application/json', '[]'],
    ['another content type', 415, 'text/plain', '{"query":"{hello}"}'],
    ['a form', 415, 'application/x-www-form-urlencoded', 'query={hello}'],
  ])('with %s is refused with %i', async (_what, status, contentType, body) => {
    const { contexts, url } = await startStubServer();
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': contentType },
      body,
    });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({
      errors: [{ message: expect.any(String), extensions: { code: 'BAD_USER_INPUT' } }],
    });
    expect(contexts).toEqual([]);
  });

  test('with a body over 1 MiB is refused with 413', async () => {
    const { url } = await startStubServer();
    // The response arrives before the body has been sent, which fetch may report as a failure.
    const request = httpRequest(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'content-length': 1024 * 1024 + 1 },
    });
    request.flushHeaders();
    const [response] = await once(request, 'response');
    expect(response.statusCode).toBe(413);
    expect(JSON.parse(await readText(response))).toEqual({
      errors: [{ message: expect.any(String), extensions: { code: 'BAD_USER_INPUT' } }],
    });
    request.destroy();
  });

  test.each(['{ hello', '{ nothing }', 'query A { hello } query B { hello }'])(
    'with the document “%s” is the client’s mistake',
    async (document) => {
      const { post } = await startStubServer();
      const response = await post(document, { headers: { accept: 'application/graphql-response+json' } });
      expect(response.status).toBe(400);
      expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] });
    },
  );

  test('to an unknown path is answered with 404', async () => {
    const { url } = await startStubServer();
    const response = await fetch(`${url}/nowhere?secret=1`);
    expect(response.status).toBe(404);
    expect(await response.json()).toEqual({
      errors: [{ message: 'There is nothing at GET /nowhere.', extensions: { code: 'NOT_FOUND' } }],
    });
  });

  test.each(['/%zz', '/graphql%', `/assets/${'x'.repeat(200)}`])(
    'at an address like %s is refused with the headers of every response',
    async (path) => {
      const { url } = await startStubServer();
      const known = await fetch(`${url}/nowhere`, { headers: { accept: 'text/html', 'x-request-id': 'one' } });
      const response = await fetch(url + path, { headers: { accept: 'text/html', 'x-request-id': 'one' } });
      expect(response.status).toBeGreaterThanOrEqual(400);
      expect(response.status).toBeLessThan(500);
      const headersOf = ({ headers }: Response) =>
        Object.fromEntries([...headers].filter(([name]) => !['content-length', 'date'].includes(name)));
      expect(headersOf(response)).toEqual(headersOf(known));
      expect(response.headers.get('x-content-type-options')).toBe('nosniff');
    },
  );
});

async function readText(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('authorization', () => {
  test('identifies the caller', async () => {
    const { asked, post } = await startStubServer();
    const response = await post('{ hello }', { authorization: 'Bearer viewer' });
    expect(await response.json()).toEqual({ data: { hello: 'Hello viewer' } });
    expect(asked).toEqual(['Bearer viewer']);
  });

  test('with a bad token is refused with 401, and nothing is executed', async () => {
    const { contexts, post } = await startStubServer();
    const response = await post('{ hello }', { authorization: 'Bearer bad' });
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toEqual({
      errors: [{ message: 'The token is malformed.', extensions: { code: 'UNAUTHENTICATED' } }],
    });
    expect(contexts).toEqual([]);
  });

  test('that cannot be verified at the moment is refused with 503', async () => {
    const { contexts, post } = await startStubServer();
    const response = await post('{ hello }', { authorization: 'Bearer unverifiable' });
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAVAILABLE' } }] });
    expect(contexts).toEqual([]);
  });

  test('that fails internally is refused with 500 and shows no internals', async () => {
    const { log, post } = await startStubServer();
    const response = await post('{ hello }', {
      authorization: 'Bearer surprise',
      headers: { 'x-request-id': 'mine' },
    });
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      errors: [{ message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'mine' } }],
    });
    expect(linesWith(log, 'unexpected error')).toMatchObject([
      { requestId: 'mine', err: { message: 'password of the database is hunter2' } },
    ]);
  });
});

describe('the request id', () => {
  test('is the client’s own when it is harmless', async () => {
    const { contexts, post } = await startStubServer();
    const response = await post('{ hello }', { headers: { 'x-request-id': 'trace_1.a-b' } });
    expect(response.headers.get('x-request-id')).toBe('trace_1.a-b');
    expect(contexts.map(({ requestId }) => requestId)).toEqual(['trace_1.a-b']);
  });

  test.each([undefined, 'with space', '{"json":1}', 'x'.repeat(65)])('is a new one instead of %p', async (header) => {
    const { post } = await startStubServer();
    const response = await post('{ hello }', { headers: header === undefined ? {} : { 'x-request-id': header } });
    const requestId = response.headers.get('x-request-id')!;
    expect(isUuid(requestId)).toBe(true);
  });
});

describe('an error during execution', () => {
  test('of ours is sent with status 200, its code and its field', async () => {
    const { post } = await startStubServer();
    const response = await post('{ refused }');
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({
      errors: [
        {
          message: 'There is one already.',
          locations: [{ line: 1, column: 3 }],
          path: ['refused'],
          extensions: { code: 'CONFLICT', field: 'input.name' },
        },
      ],
      data: { refused: null },
    });
  });

  test('that is unexpected is hidden, and logged in full with the request id', async () => {
    const { log, post } = await startStubServer();
    const response = await post('{ broken }', { headers: { 'x-request-id': 'mine' } });
    const body = await response.text();
    expect(JSON.parse(body)).toEqual({
      errors: [
        {
          message: 'Internal server error',
          locations: [{ line: 1, column: 3 }],
          path: ['broken'],
          extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'mine' },
        },
      ],
      data: { broken: null },
    });
    expect(linesWith(log, 'unexpected error')).toEqual([
      expect.objectContaining({
        requestId: 'mine',
        path: 'broken',
        err: expect.objectContaining({
          message: 'password of the database is hunter2',
          stack: expect.stringContaining('stub-schema'),
        }),
      }),
    ]);
  });

  test('caused by an unreachable database says so', async () => {
    const { post } = await startStubServer();
    expect(await (await post('{ unreachable }')).json()).toMatchObject({
      errors: [
        {
          message: 'The database cannot be reached at the moment; try again.',
          extensions: { code: 'UNAVAILABLE' },
        },
      ],
    });
  });

  test('of a middleware is hidden and logged as well', async () => {
    const middleware = () => {
      throw new Error('password of the database is hunter2');
    };
    const { log, post } = await startStubServer({ middlewares: [middleware] });
    const response = await post('{ hello }', { headers: { 'x-request-id': 'mine' } });
    expect(response.status).toBe(500);
    expect(await response.json()).toEqual({
      errors: [{ message: 'Internal server error', extensions: { code: 'INTERNAL_SERVER_ERROR', requestId: 'mine' } }],
    });
    expect(linesWith(log, 'unexpected error')).toMatchObject([
      { requestId: 'mine', err: { message: 'password of the database is hunter2' } },
    ]);
  });
});

describe('the log', () => {
  test('has one line per GraphQL request', async () => {
    const { log, post } = await startStubServer();
    await post('query Greet { hello read(hits: 2, misses: 1) refused }', {
      authorization: 'Bearer viewer',
      headers: { 'x-request-id': 'mine' },
    });
    expect(linesWith(log, 'operation')).toEqual([
      expect.objectContaining({
        level: 30,
        requestId: 'mine',
        operationName: 'Greet',
        operationType: 'query',
        durationMs: expect.any(Number),
        cache: { hits: 2, misses: 1, stale: 0 },
        outcome: 'partial',
        errors: ['CONFLICT'],
        subject: 'viewer',
      }),
    ]);
  });

  test.each([
    ['{ read(hits: 1, misses: 0) }', 'hit'],
    ['{ read(hits: 0, misses: 1) }', 'miss'],
    ['{ read(hits: 1, misses: 1) }', 'partial'],
    ['{ hello }', 'none'],
  ])('reports the cache outcome of %s as %s', async (query, outcome) => {
    const { log, post } = await startStubServer();
    await post(query);
    expect(linesWith(log, 'operation')).toMatchObject([{ outcome }]);
  });

  test('has a line for a document that cannot be read', async () => {
    const { log, post } = await startStubServer();
    await post('{ hello');
    expect(linesWith(log, 'operation')).toMatchObject([{ operationType: 'unknown', errors: ['BAD_USER_INPUT'] }]);
  });

  test('never has a token in it', async () => {
    const { log, post } = await startStubServer();
    await post('{ hello }', { authorization: 'Bearer viewer' });
    await post('{ hello }', { authorization: 'Bearer bad' });
    expect(log.length).toBeGreaterThan(1);
    expect(JSON.stringify(log)).not.toContain('Bearer');
  });

  test('mentions health checks at debug only', async () => {
    const { log, url } = await startStubServer();
    await fetch(`${url}/livez`);
    await fetch(`${url}/readyz`);
    await until(() => linesWith(log, 'http request').length === 2);
    expect(log.filter(({ level }) => (level as number) > 20)).toEqual([]);
  });
});

describe('browsers', () => {
  function preflight(url: string, origin: string) {
    return fetch(`${url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
  }

  test('of a listed origin are allowed', async () => {
    const { url } = await startStubServer();
    const { headers, status } = await preflight(url, 'https://app.example');
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example');
    expect(headers.get('access-control-allow-headers')).toContain('authorization');
    expect(headers.get('vary')).toContain('Origin');
  });

  test('of another origin are not', async () => {
    const { post, url } = await startStubServer();
    const { headers } = await preflight(url, 'https://evil.example');
    expect(headers.get('access-control-allow-origin')).toBeNull();
    const answer = await post('{ hello }', { headers: { origin: 'https://evil.example' } });
    expect(answer.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('of a listed origin can read refusals', async () => {
    const { post } = await startStubServer();
    const { headers, status } = await post('{ hello }', {
      authorization: 'Bearer bad',
      headers: { origin: 'https://app.example' },
    });
    expect(status).toBe(401);
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example');
  });

  test('are shown Apollo Sandbox, except in production', async () => {
    const page = { headers: { accept: 'text/html' } };
    const development = await startStubServer();
    const shown = await fetch(`${development.url}/graphql`, page);
    expect(shown.status).toBe(200);
    expect(shown.headers.get('content-type')).toContain('text/html');
    expect(Object.fromEntries(shown.headers)).toMatchObject({
      'content-security-policy': expect.stringContaining("frame-ancestors 'none'"),
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    });
    const html = await shown.text();
    expect(html).toContain('sandbox');
    // What leads to GraphiQL runs before anything that Apollo's servers may withhold.
    const [, nonce] = /script-src 'self' 'nonce-(\w+)'/.exec(html)!;
    const fallback = html.indexOf(`<script nonce="${nonce}">{`);
    expect(fallback).toBeGreaterThan(0);
    expect(fallback).toBeLessThan(html.indexOf('href="https://'));
    expect(html.slice(fallback, html.indexOf('</script>'))).toContain("location.replace('/graphiql')");
    const asked = `${development.url}/graphql?query={hello}`;
    expect(await (await fetch(asked, { headers: { ...page.headers, ...PREFLIGHTED } })).text()).toContain('sandbox');

    const production = await startStubServer({ config: PRODUCTION });
    expect((await fetch(`${production.url}/graphql`, page)).status).toBe(406);
  });
});

test('the schema can be queried, but not in production', async () => {
  const document = '{ __schema { queryType { name } } }';
  const development = await startStubServer();
  expect(await (await development.post(document)).json()).toEqual({
    data: { __schema: { queryType: { name: 'Query' } } },
  });
  const production = await startStubServer({ config: { ...PRODUCTION, introspection: false } });
  expect(await (await production.post(document)).json()).toMatchObject({
    errors: [{ extensions: { code: 'BAD_USER_INPUT' } }],
  });
});

describe('health', () => {
  test('is live while it answers', async () => {
    const { url } = await startStubServer();
    const response = await fetch(`${url}/livez`);
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: 'ok' });
  });

  test.each([
    [true, 200, 'ok'],
    [false, 503, 'not ready'],
  ])('is ready when its parts are: %p', async (ready, statusCode, status) => {
    const { url } = await startStubServer({ health: { readiness: () => ({ ready, details: { feed: 'x' } }) } });
    const response = await fetch(`${url}/readyz`);
    expect(response.status).toBe(statusCode);
    expect(await response.json()).toEqual({ status, details: { feed: 'x' } });
  });
});

describe('starting and stopping', () => {
  test('fails with EADDRINUSE when the port is taken', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as { port: number };
    const config = { environment: 'test', host: '127.0.0.1', port, corsOrigins: [] } as const;
    await expect(startStubServer({ config })).rejects.toMatchObject({
      code: 'EADDRINUSE',
      message: expect.stringContaining(String(port)),
    });
    other.close();
  });

  test('answers a request in flight before it closes, and accepts no new one', async () => {
    const { post, releaseSlow, server, slowStarted, url } = await startStubServer();
    const inFlight = post('{ slow }');
    await slowStarted;
    const closed = server.close(3_600_000);
    releaseSlow();
    const response = await inFlight;
    expect(await response.json()).toEqual({ data: { slow: 'at last' } });
    expect(response.headers.get('connection')).toBe('close');
    await closed;
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });

  test('cuts a request that outlasts the grace period', async () => {
    const { post, releaseSlow, server, slowStarted } = await startStubServer();
    const inFlight = post('{ slow }');
    const outcome = expect(inFlight).rejects.toThrow();
    await slowStarted;
    await server.close(0);
    await outcome;
    releaseSlow();
  });

  test('closes once, even if told repeatedly', async () => {
    const { server } = await startStubServer();
    await Promise.all([server.close(0), server.close(0)]);
    await server.close(0);
  });
});
