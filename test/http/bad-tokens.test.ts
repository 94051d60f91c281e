import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from 'jose';
import WebSocket from 'ws';
import { AUDIENCE, ISSUER, type Issuer, type IssuerKey, startIssuer } from '../support/issuer.ts';
import { startTestApp, TEST_SECRET, type TestApp } from '../support/test-app.ts';

/*
 * Both servers allow reading without a token, so an ignored token shows: its sender would be answered like a caller
 * without one.
 */

const READ = '{ workstations { nodes { id } } }';
const OPEN_TO_ALL = { ANONYMOUS_ROLE: 'VIEWER', AUTH_ISSUER: ISSUER, AUTH_AUDIENCE: AUDIENCE };
const nowSeconds = Math.floor(Date.now() / 1000);
const CLAIMS: JWTPayload = { iss: ISSUER, aud: AUDIENCE, sub: 'mallory', roles: ['ADMIN'], exp: nowSeconds + 3600 };

type Sign = (claims: JWTPayload) => Promise<string>;

/** Every entrance, with its answers to an invalid and to a valid token. */
const DOORS: Record<string, { knock(testApp: TestApp, authorization?: string): Promise<unknown>; refusal: unknown }> = {
  POST: {
    knock: ({ app }, authorization) =>
      request(`${app.url}/graphql`, authorization, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: READ }),
      }),
    refusal: '401 Bearer UNAUTHENTICATED',
  },
  GET: {
    knock: ({ app }, authorization) =>
      request(`${app.url}/graphql?query=${encodeURIComponent(READ)}`, authorization, {
        headers: { 'apollo-require-preflight': 'yes' },
      }),
    refusal: '401 Bearer UNAUTHENTICATED',
  },
  metrics: {
    knock: ({ app }, authorization) => request(`${app.url}/metrics`, authorization),
    refusal: '401 Bearer UNAUTHENTICATED',
  },
  WebSocket: { knock: knockOnSocket, refusal: 4401 },
};

async function request(url: string, authorization?: string, init: RequestInit = {}): Promise<string> {
  const headers = {
    ...(init.headers as Record<string, string>),
    ...(authorization !== undefined && { authorization }),
  };
  const response = await fetch(url, { ...init, headers });
  const body = await response.text();
  if (response.status === 200) return body.includes('"errors"') ? body : 'let in';
  const { data, errors } = JSON.parse(body);
  expect(data).toBeUndefined();
  return `${response.status} ${response.headers.get('www-authenticate')} ${errors[0].extensions.code}`;
}

async function knockOnSocket({ app }: TestApp, authorization?: string): Promise<unknown> {
  const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  await once(socket, 'open');
  const letIn = once(socket, 'message').then(([data]) =>
    JSON.parse(data).type === 'connection_ack' ? 'let in' : data,
  );
  const closed = once(socket, 'close').then(([code]) => code);
  socket.send(JSON.stringify({ type: 'connection_init', payload: { authorization } }));
  const outcome = await Promise.race([letIn, closed]);
  socket.terminate();
  return outcome;
}

/** The answer of each entrance. */
async function knockEverywhere(testApp: TestApp, authorization?: string): Promise<Record<string, unknown>> {
  const outcomes = Object.entries(DOORS).map(async ([name, { knock }]) => [name, await knock(testApp, authorization)]);
  return Object.fromEntries(await Promise.all(outcomes));
}

const REFUSED_EVERYWHERE = Object.fromEntries(Object.entries(DOORS).map(([name, { refusal }]) => [name, refusal]));

const encode = (part: unknown) =>
  Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url');

function signHs256(claims: unknown, header: object = {}, secret: string | Uint8Array = TEST_SECRET): string {
  const signed = `${encode({ alg: 'HS256', ...header })}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

/** Correctly signed tokens with invalid claims. */
const BAD_CLAIMS: Record<string, object> = {
  'no iss': { iss: undefined },
  'another iss': { iss: `${ISSUER}.evil.example` },
  'a list for iss': { iss: [ISSUER] },
  'no aud': { aud: undefined },
  'another aud': { aud: 'stationmaster-staging' },
  'several other auds': { aud: ['a', 'b'] },
  'no exp': { exp: undefined },
  'null for exp': { exp: null },
  'a text for exp': { exp: String(nowSeconds + 3600) },
  'an exp past all dates': { exp: 1e300 },
  'an exp of a second ago': { exp: nowSeconds - 1 },
  'an exp of two minutes ago': { exp: nowSeconds - 120 },
  'an nbf ahead': { nbf: nowSeconds + 120 },
  'a text for nbf': { nbf: 'now' },
  'an iat ahead': { iat: nowSeconds + 120 },
  'no roles': { roles: undefined },
  'an empty list of roles': { roles: [] },
  'an unknown role': { roles: ['ROOT'] },
  'unknown roles alone': { roles: ['offline_access', 'uma_authorization', 'default-roles-fleet'] },
  'a role in small letters': { roles: ['admin'] },
  'a role in a list of its own': { roles: [['ADMIN']] },
  'a text for roles': { roles: 'ADMIN' },
  'an object for roles': { roles: { ADMIN: true } },
  'the claim role in the place of roles': { roles: undefined, role: 'ADMIN' },
  'a number for sub': { sub: 7 },
  'more than 8 KiB': { note: 'x'.repeat(8 * 1024) },
};

/** Altered tokens, and texts that are not tokens. */
const MALFORMED: Record<string, (token: string) => string> = {
  'an empty authorization': () => '',
  'a scheme alone': () => 'Bearer',
  'a token alone': (token) => token,
  'another scheme': () => `Basic ${Buffer.from('admin:admin').toString('base64')}`,
  'two tokens': (token) => `Bearer ${token} ${token}`,
  'two authorizations in one': (token) => `Bearer ${token}, Bearer ${token}`,
  'a quoted token': (token) => `Bearer "${token}"`,
  'a word': () => 'Bearer null',
  'one part': (token) => `Bearer ${token.split('.')[0]}`,
  'two parts': (token) => `Bearer ${token.split('.').slice(0, 2).join('.')}`,
  'four parts': (token) => `Bearer ${token}.x`,
  'the five parts of an encrypted token': (token) => `Bearer ${token}.x.y`,
  'no signature': (token) => `Bearer ${token.slice(0, token.lastIndexOf('.') + 1)}`,
  'half a signature': (token) => `Bearer ${token.slice(0, -20)}`,
  'a header that is not base64': (token) => `Bearer !${token}`,
  'a header that is no object': (token) => `Bearer ${[encode([]), ...token.split('.').slice(1)].join('.')}`,
  'a header that is not JSON': (token) => `Bearer ${[encode('{'), ...token.split('.').slice(1)].join('.')}`,
  'a header without an algorithm': (token) => `Bearer ${[encode({}), ...token.split('.').slice(1)].join('.')}`,
  'a payload that was altered': (token) => `Bearer ${withPart(token, 1, encode({ ...CLAIMS, sub: 'root' }))}`,
  ...Object.fromEntries(
    ['none', 'None', 'NONE', 'nOnE', '', null].flatMap((alg) => [
      [`alg ${alg} and no signature`, (token) => `Bearer ${withPart(withPart(token, 0, encode({ alg })), 2, '')}`],
      [`alg ${alg} and a signature`, (token) => `Bearer ${withPart(token, 0, encode({ alg }))}`],
    ]) satisfies [string, (token: string) => string][],
  ),
};

function withPart(token: string, index: number, part: string): string {
  return token.split('.').with(index, part).join('.');
}

let testApp: TestApp;
let sign: Sign;

function testBadTokens(): void {
  test('a valid one is accepted everywhere', async () => {
    const outcome = await knockEverywhere(testApp, `Bearer ${await sign(CLAIMS)}`);
    expect(outcome).toEqual({ POST: 'let in', GET: 'let in', metrics: 'let in', WebSocket: 'let in' });
  });

  test('a missing one allows reading as the anonymous role', async () => {
    const outcome = await knockEverywhere(testApp);
    expect(outcome).toEqual({ ...REFUSED_EVERYWHERE, POST: 'let in', GET: 'let in', WebSocket: 'let in' });
  });

  test.each(Object.entries(BAD_CLAIMS))('one with %s', async (_name, claims) => {
    await expectRefusal(`Bearer ${await sign({ ...CLAIMS, ...claims } as JWTPayload)}`);
  });

  test.each(Object.entries(MALFORMED))('%s', async (_name, malform) => {
    await expectRefusal(malform(await sign(CLAIMS)));
  });

  test('one too long for a request head or for a message', async () => {
    const authorization = `Bearer ${'x'.repeat(100_000)}`;
    const { app } = testApp;
    const response = await fetch(`${app.url}/graphql`, { method: 'POST', headers: { authorization } });
    expect(response.status).toBe(431);
    expect(await knockOnSocket(testApp, authorization)).toBe(1009);
  });
}

/** Refused at every entrance, also the second time, and before any SQL. */
async function expectRefusal(authorization: string): Promise<void> {
  const statements = await testApp.countStatements(async () => {
    expect(await knockEverywhere(testApp, authorization)).toEqual(REFUSED_EVERYWHERE);
    expect(await knockEverywhere(testApp, authorization)).toEqual(REFUSED_EVERYWHERE);
  });
  expect(statements).toBe(0);
}

describe('A server that verifies tokens with a secret refuses', () => {
  beforeAll(async () => {
    testApp = await startTestApp({ env: OPEN_TO_ALL });
    sign = async (claims) => signHs256(claims);
  });

  afterAll(() => testApp.close());

  testBadTokens();

  test.each([[[]], ['ADMIN'], [7], [null]])('one whose claims are %j', async (claims) => {
    await expectRefusal(`Bearer ${signHs256(claims)}`);
  });

  test.each([
    { crit: ['x'], x: 1 },
    { crit: ['b64'], b64: false },
  ])('one with other header parameters: %j', async (header) => {
    await expectRefusal(`Bearer ${signHs256(CLAIMS, header)}`);
  });

  test.each(['HS384', 'HS512'])('one signed with the secret by another algorithm, %s', async (alg) => {
    const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg }).sign(Buffer.from(TEST_SECRET.repeat(2)));
    await expectRefusal(`Bearer ${token}`);
  });

  test.each(['RS256', 'ES256', 'EdDSA'])('one signed with a key of the attacker, %s', async (alg) => {
    const { publicKey, privateKey } = await generateKeyPair(alg);
    const jwk = await exportJWK(publicKey);
    const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg, jwk }).sign(privateKey);
    await expectRefusal(`Bearer ${token}`);
  });

  test.each([
    ['an empty one', ''],
    ['a usual one', 'secret'],
    ['the name of the setting', 'AUTH_JWT_SECRET'],
    ['its own blank', ' '.repeat(32)],
    ['the secret with a line end', `${TEST_SECRET}\n`],
  ])('one signed with another secret: %s', async (_name, secret) => {
    await expectRefusal(`Bearer ${signHs256(CLAIMS, { kid: '../../dev/null' }, secret)}`);
  });

  test('one that contains its own secret', async () => {
    const jwk = { kty: 'oct', k: encode('mine') };
    await expectRefusal(`Bearer ${signHs256(CLAIMS, { jwk, kid: 'mine' }, 'mine')}`);
  });
});

describe('A server that verifies tokens with published keys refuses', () => {
  let issuer: Issuer;
  let publicKey: IssuerKey['publicKey'];
  let kid: string;
  let foreignKey: IssuerKey['publicKey'];

  beforeAll(async () => {
    issuer = await startIssuer();
    const key = await issuer.publishNewKey('RS256');
    ({ publicKey, kid } = key);
    ({ privateKey: foreignKey } = await generateKeyPair('RS256'));
    testApp = await startTestApp({ env: { ...OPEN_TO_ALL, AUTH_JWT_SECRET: '', AUTH_JWKS_URL: issuer.url } });
    sign = (claims) => key.sign(claims);
  });

  afterAll(async () => {
    await testApp.close();
    await issuer.close();
  });

  test('one over 8 KiB, without looking for its key', async () => {
    await expectRefusal(`Bearer ${await sign({ ...CLAIMS, note: 'x'.repeat(8 * 1024) })}`);
    expect(issuer.requests).toBe(0);
  });

  testBadTokens();

  test('one signed with the public key as a secret', async () => {
    const pem = await exportSPKI(publicKey);
    const der = Buffer.from(await crypto.subtle.exportKey('spki', publicKey));
    const secrets = [pem, pem.trimEnd(), der, JSON.stringify(await exportJWK(publicKey))];
    for (const secret of secrets) await expectRefusal(`Bearer ${signHs256(CLAIMS, { kid }, secret)}`);
  });

  test.each([
    ['of its own name', (own: string) => ({ kid: own })],
    ['of a published name', () => ({ kid })],
    ['of no name', () => ({})],
    ['of a name that is a path', () => ({ kid: '../../../dev/null' })],
    ['of a name that is SQL', () => ({ kid: "' or 1=1 --" })],
  ])('one signed with a foreign key %s', async (_name, makeHeader) => {
    const token = await new SignJWT(CLAIMS)
      .setProtectedHeader({ alg: 'RS256', ...makeHeader(crypto.randomUUID()) })
      .sign(foreignKey);
    await expectRefusal(`Bearer ${token}`);
  });

  test('one that contains its own key, or a URL of one', async () => {
    const elsewhere = await startIssuer();
    const { privateKey, publicKey: own } = await generateKeyPair('ES256');
    for (const header of [{ jwk: await exportJWK(own) }, { jku: elsewhere.url, kid: 'own' }, { x5u: elsewhere.url }]) {
      const token = await new SignJWT(CLAIMS).setProtectedHeader({ alg: 'ES256', ...header }).sign(privateKey);
      await expectRefusal(`Bearer ${token}`);
    }
    expect(elsewhere.requests).toBe(0);
    await elsewhere.close();
  });

  test('all of them with at most one fetch of the keys in ten seconds', async () => {
    const tokens = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        new SignJWT(CLAIMS).setProtectedHeader({ alg: 'RS256', kid: `foreign-${i}` }).sign(foreignKey),
      ),
    );
    const { requests } = issuer;
    const startedAtMs = performance.now();
    for (const token of tokens) expect(await DOORS.POST!.knock(testApp, `Bearer ${token}`)).toMatch(/^401 /);
    const seconds = (performance.now() - startedAtMs) / 1000;
    expect(issuer.requests - requests).toBeLessThanOrEqual(1 + Math.floor(seconds / 10));
  });
});
