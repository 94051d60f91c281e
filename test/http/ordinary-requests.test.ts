import { gzipSync } from 'node:zlib';
import { startStubServer, stopStubServers } from '../support/stub-server.ts';
import { exchange } from '../support/wire.ts';

/*
 * What ordinary clients, libraries and proxies send: each way of writing a request that a specification allows or that is
 * common has one right response, with the fast path and without it.
 */

const BODY = '{"query":"{ hello }"}';
const HELLO = /"hello":"Hello anonymous"/;

interface Sent {
  readonly line?: string;
  readonly headers?: readonly string[];
  readonly body?: string | Buffer;
}

/** A plain POST, with whatever is different. */
function write({ line = 'POST /graphql HTTP/1.1', headers = [], body = BODY }: Sent): Buffer {
  const isSet = (name: string) => headers.some((header) => header.toLowerCase().startsWith(`${name}:`));
  const lines = [
    line,
    ...(isSet('host') ? [] : ['host: fleet.example']),
    ...(isSet('content-type') ? [] : ['content-type: application/json']),
    ...(isSet('transfer-encoding') || isSet('content-length') ? [] : [`content-length: ${Buffer.byteLength(body)}`]),
    ...headers,
  ];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`), Buffer.from(body)]);
}

const get = (search: string, ...headers: readonly string[]) =>
  `${[`GET /graphql?${search} HTTP/1.1`, 'host: fleet.example', 'graphql-require-preflight: 1', ...headers].join('\r\n')}\r\n\r\n`;
const plain = (line: string, ...headers: readonly string[]) =>
  `${[line, 'host: fleet.example', ...headers].join('\r\n')}\r\n\r\n`;
const asked = (parameters: object) => write({ body: JSON.stringify(parameters) });
const typed = (contentType: string) => write({ headers: [`content-type: ${contentType}`] });
const accepting = (accept: string) => write({ headers: [`accept: ${accept}`] });
const inChunks = (...chunks: readonly string[]) =>
  [...chunks, ''].map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`).join('');

type Row = readonly [what: string, request: string | Buffer, status: number, body: RegExp, header?: RegExp];

const BODIES: readonly Row[] = [
  ['with a byte order mark', write({ body: `\ufeff${BODY}` }), 200, HELLO],
  ['with white space around it', write({ body: `\r\n\t ${BODY} \r\n` }), 200, HELLO],
  ['in UTF-16, marked', write({ body: Buffer.from(`\ufeff${BODY}`, 'utf16le') }), 400, /UTF-8/],
  ['in UTF-16, not marked', write({ body: Buffer.from(BODY, 'utf16le') }), 400, /UTF-8/],
  ['declared as UTF-16', typed('application/json; charset=utf-16'), 415, /UTF-8/],
  ['declared as "UTF-8"', typed('application/json; charset="UTF-8"'), 200, HELLO],
  ['declared as UTF-8 in capital letters', typed('Application/JSON;Charset=UTF-8'), 200, HELLO],
  ['with another parameter of its type', typed('application/json; profile="x"; charset=utf-8'), 200, HELLO],
  ['without a blank before the parameter', typed('application/json;charset=utf-8'), 200, HELLO],
  ['with a blank before the semicolon', typed('application/json ; charset=utf-8'), 200, HELLO],
  ['with a semicolon and nothing else', typed('application/json;'), 200, HELLO],
  [
    'in chunks',
    write({ headers: ['transfer-encoding: chunked'], body: inChunks(BODY.slice(0, 5), BODY.slice(5)) }),
    200,
    HELLO,
  ],
  ['compressed with gzip', write({ headers: ['content-encoding: gzip'], body: gzipSync(BODY) }), 415, /compressed/],
  ['encoded as identity', write({ headers: ['content-encoding: identity'] }), 200, HELLO],
  ['encoded as Identity', write({ headers: ['content-encoding: Identity'] }), 200, HELLO],
  ['with a batch of operations', write({ body: `[${BODY},${BODY}]` }), 400, /[Bb]atch/],
  ['that is empty', write({ body: '' }), 400, /BAD_USER_INPUT/],
  ['with members of other specifications', asked({ query: '{ hello }', id: 7, doc: null }), 200, HELLO],
  ['with a member twice', write({ body: '{"query":"{ nothing }","query":"{ hello }"}' }), 200, HELLO],
];

const PARAMETERS: readonly Row[] = [
  ['variables null', asked({ query: '{ hello }', variables: null }), 200, HELLO],
  ['extensions null', asked({ query: '{ hello }', extensions: null }), 200, HELLO],
  ['operationName null', asked({ query: '{ hello }', operationName: null }), 200, HELLO],
  ['operationName ""', asked({ query: '{ hello }', operationName: '' }), 200, HELLO],
  ['operationName "" of a named query', asked({ query: 'query A { hello }', operationName: '' }), 200, HELLO],
  ['variables as text', asked({ query: '{ hello }', variables: '{}' }), 400, /variables/],
  ['a list of variables', asked({ query: '{ hello }', variables: [] }), 400, /variables/],
  [
    'a number that is not a number to JavaScript',
    write({ body: '{"query":"{ hello }","variables":{"n":1e400}}' }),
    200,
    HELLO,
  ],
  [
    'a number of forty digits',
    write({ body: `{"query":"{ hello }","variables":{"n":${'9'.repeat(40)}}}` }),
    200,
    HELLO,
  ],
  ['GET variables empty', get('query=%7Bhello%7D&variables='), 200, HELLO],
  ['GET variables null', get('query=%7Bhello%7D&variables=null'), 200, HELLO],
  ['GET variables {}', get('query=%7Bhello%7D&variables=%7B%7D'), 200, HELLO],
  ['GET variables that are no JSON', get('query=%7Bhello%7D&variables=%7B'), 400, /variables/],
  ['GET extensions empty', get('query=%7Bhello%7D&extensions='), 200, HELLO],
  ['GET extensions null', get('query=%7Bhello%7D&extensions=null'), 200, HELLO],
  ['GET operationName empty', get('query=query+A%7Bhello%7D&operationName='), 200, HELLO],
  ['GET blanks as plus signs', get('query=query+A+%7B+hello+%7D'), 200, HELLO],
  ['GET blanks as %20', get('query=query%20A%20%7B%20hello%20%7D'), 200, HELLO],
  ['GET another parameter', get('query=%7Bhello%7D&utm_source=mail'), 200, HELLO],
  ['GET a parameter twice', get('query=%7Bhello%7D&query=%7Bhello%7D'), 400, /once/],
  ['POST with a query string', write({ line: 'POST /graphql?operation=Hello HTTP/1.1' }), 200, HELLO],
  ['POST with an empty query string', write({ line: 'POST /graphql? HTTP/1.1' }), 200, HELLO],
];

const JSON_TYPE = /^application\/json/;
const OWN_TYPE = /^application\/graphql-response\+json/;

const HEADERS: readonly Row[] = [
  ['Accept: */*', accepting('*/*'), 200, HELLO, JSON_TYPE],
  ['Accept: application/json;q=0.9, */*', accepting('application/json;q=0.9, */*'), 200, HELLO],
  ['Accept: application/json; charset=utf-8', accepting('application/json; charset=utf-8'), 200, HELLO, JSON_TYPE],
  ['Accept: application/json;charset=UTF-8', accepting('application/json;charset=UTF-8'), 200, HELLO, JSON_TYPE],
  ['Accept: application/json, text/plain, */*', accepting('application/json, text/plain, */*'), 200, HELLO, JSON_TYPE],
  [
    'Accept: application/graphql-response+json; charset=utf-8',
    accepting('application/graphql-response+json; charset=utf-8, application/json; charset=utf-8'),
    200,
    HELLO,
    OWN_TYPE,
  ],
  ['Accept: Application/JSON', accepting('Application/JSON'), 200, HELLO, JSON_TYPE],
  [
    'Accept: multipart/mixed, application/graphql-response+json, application/json',
    accepting('multipart/mixed;deferSpec=20220824,application/graphql-response+json,application/json'),
    200,
    HELLO,
  ],
  ['Accept: text/csv', accepting('text/csv'), 406, /BAD_USER_INPUT/],
  ['an empty Accept', accepting(''), 200, HELLO, JSON_TYPE],
  ['Accept twice', write({ headers: ['accept: text/plain', 'accept: application/json'] }), 200, HELLO, JSON_TYPE],
  [
    'names in capital letters',
    write({ headers: ['CONTENT-TYPE: application/json', 'ACCEPT: application/json'] }),
    200,
    HELLO,
  ],
  ['values with blanks around them', write({ headers: ['content-type:\t application/json \t'] }), 200, HELLO],
  ['values without a blank', write({ headers: ['content-type:application/json'] }), 200, HELLO],
  ['Expect: 100-continue', write({ headers: ['expect: 100-continue'] }), 100, /^$/],
  ['TE: trailers', write({ headers: ['te: trailers', 'connection: TE'] }), 200, HELLO],
  ['Connection: close', write({ headers: ['connection: close'] }), 200, HELLO],
  ['Connection: Keep-Alive', write({ headers: ['connection: Keep-Alive', 'keep-alive: timeout=5'] }), 200, HELLO],
  ['Proxy-Connection', write({ headers: ['proxy-connection: keep-alive'] }), 200, HELLO],
  ['a header twice', write({ headers: ['x-forwarded-for: 192.0.2.1', 'x-forwarded-for: 192.0.2.2'] }), 200, HELLO],
  ['cookies twice', write({ headers: ['cookie: a=1', 'cookie: b=2'] }), 200, HELLO],
  ['text beyond ASCII', write({ headers: ['x-name: J\u00fcrgen'] }), 200, HELLO],
  ['an empty header', write({ headers: ['x-empty:'] }), 200, HELLO],
];

const LINES: readonly Row[] = [
  ['an empty line before it', Buffer.concat([Buffer.from('\r\n'), write({})]), 200, HELLO],
  ['HTTP/1.0 with Host', write({ line: 'POST /graphql HTTP/1.0' }), 200, HELLO],
  ['HTTP/1.0 without Host', String(write({ line: 'POST /graphql HTTP/1.0' })).replace(/host: .*\r\n/, ''), 200, HELLO],
  ['HTTP/1.1 without Host', String(write({})).replace(/host: .*\r\n/, ''), 400, /^$/],
  ['an absolute target', write({ line: 'POST http://fleet.example/graphql HTTP/1.1' }), 200, HELLO],
  [
    'an absolute target of a GET',
    get('query=%7Bhello%7D').replace('/graphql', 'http://fleet.example/graphql'),
    200,
    HELLO,
  ],
  ['an absolute target of another path', plain('GET http://fleet.example/livez HTTP/1.1'), 200, /ok/],
  ['a slash at the end', write({ line: 'POST /graphql/ HTTP/1.1' }), 200, HELLO],
  ['a slash at the end of another path', plain('GET /livez/ HTTP/1.1'), 200, /ok/],
  ['a percent-encoded path', write({ line: 'POST /%67raphql HTTP/1.1' }), 200, HELLO],
  ['another case', write({ line: 'POST /GraphQL HTTP/1.1' }), 404, /NOT_FOUND/],
  ['HEAD /livez', plain('HEAD /livez HTTP/1.1'), 200, /^$/],
  ['HEAD /readyz', plain('HEAD /readyz HTTP/1.1'), 200, /^$/],
  ['HEAD /graphql', plain('HEAD /graphql HTTP/1.1'), 405, /^$/],
  ['GET /livez with a query string', plain('GET /livez?probe=1 HTTP/1.1'), 200, /ok/],
  ['OPTIONS *', plain('OPTIONS * HTTP/1.1', 'content-length: 0'), 204, /^$/],
  ['OPTIONS /graphql without an origin', plain('OPTIONS /graphql HTTP/1.1'), 204, /^$/],
  ['PATCH /graphql', plain('PATCH /graphql HTTP/1.1'), 405, /BAD_USER_INPUT/],
  ['GET / ', plain('GET / HTTP/1.1'), 404, /NOT_FOUND/],
];

describe.each([true, false])('with httpFastPath %s,', (httpFastPath) => {
  let url: string;

  beforeAll(async () => {
    ({ url } = await startStubServer({ config: { httpFastPath } }));
  });

  afterAll(stopStubServers);

  describe.each([
    ['a body', BODIES],
    ['parameters', PARAMETERS],
    ['headers', HEADERS],
    ['a request line', LINES],
  ] as const)('%s', (_kind, rows) => {
    test.each(rows.map((row) => [row[0], row] as const))(
      '%s',
      async (_what, [, request, status, body, contentType]) => {
        const answer = await exchange(url, request);
        expect({ status: answer.status, body: answer.body }).toEqual({ status, body: expect.stringMatching(body) });
        if (contentType) expect(answer.headers['content-type']).toMatch(contentType);
      },
    );
  });
});
