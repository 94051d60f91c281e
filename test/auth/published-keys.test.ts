import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { jest } from '@jest/globals';
import { exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose';
import { createTokenVerifier, signToken } from '../../src/auth/tokens.ts';

const ISSUER = 'https://issuer.example.com';
const AUDIENCE = 'stationmaster';

type Issuer = Awaited<ReturnType<typeof startIssuer>>;
let issuer: Issuer;

beforeEach(async () => {
  issuer = await startIssuer();
});

afterEach(async () => {
  jest.useRealTimers();
  await issuer.close();
});

test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('verifies %s with the keys the issuer publishes', async (algorithm) => {
  const key = await issuer.publishNewKey(algorithm);
  const identity = await createVerifier()(await key.sign());
  expect(identity).toMatchObject({ subject: 'ada', roles: ['VIEWER'], isAnonymous: false });
});

test('fetches the keys once for many tokens', async () => {
  const key = await issuer.publishNewKey('ES256');
  const verify = createVerifier();
  const tokens = await Promise.all(['a', 'b', 'c'].map((subject) => key.sign({ subject })));
  expect((await Promise.all(tokens.map(verify))).map(({ subject }) => subject)).toEqual(['a', 'b', 'c']);
  expect(issuer.requests).toBe(1);
});

test('finds the right one of several keys for a token that names none', async () => {
  await issuer.publishNewKey('RS256');
  const second = await issuer.publishNewKey('RS256');
  expect(await createVerifier()(await second.sign({ kid: undefined }))).toMatchObject({ subject: 'ada' });
});

test('refuses a token that names no key and fits none', async () => {
  const withdrawn = await issuer.publishNewKey('RS256');
  issuer.withdrawKeys();
  await issuer.publishNewKey('RS256');
  await issuer.publishNewKey('RS256');
  await expect(createVerifier()(await withdrawn.sign({ kid: undefined }))).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: "The token's signature is not valid.",
  });
});

test('refuses a token signed with a key the issuer does not publish', async () => {
  const withdrawn = await issuer.publishNewKey('ES256');
  issuer.withdrawKeys();
  await expect(createVerifier()(await withdrawn.sign())).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: 'The token is signed with a key its issuer does not publish.',
  });
});

test('does not let the public key pass for a shared secret', async () => {
  const key = await issuer.publishNewKey('RS256');
  const options = {
    roles: ['ADMIN' as const],
    subject: 'mallory',
    expiresInSeconds: 60,
    issuer: ISSUER,
    audience: AUDIENCE,
  };
  for (const secret of [await exportSPKI(key.publicKey), JSON.stringify(await exportJWK(key.publicKey))]) {
    await expect(createVerifier()(await signToken({ ...options, secret }))).rejects.toMatchObject({
      code: 'UNAUTHENTICATED',
      message: "The token's signing algorithm is not accepted.",
    });
  }
});

test('does not take a published symmetric key for one', async () => {
  const secret = 'a-secret-published-by-mistake-for-all-to-see';
  issuer.publish({ kty: 'oct', k: Buffer.from(secret).toString('base64url'), alg: 'HS256' });
  const token = await signToken({
    secret,
    roles: ['ADMIN'],
    subject: 'mallory',
    expiresInSeconds: 60,
    issuer: ISSUER,
    audience: AUDIENCE,
  });
  await expect(createVerifier()(token)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
});

test.each([
  [{ issuer: 'https://other.example.com' }, 'The token comes from another issuer.'],
  [{ audience: 'other' }, 'The token is meant for another audience.'],
])('refuses a token with %j', async (claims, message) => {
  const key = await issuer.publishNewKey('ES256');
  await expect(createVerifier()(await key.sign(claims))).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message });
});

test('a key withdrawn by the issuer stops counting', async () => {
  jest.useFakeTimers({ now: Date.now(), doNotFake: [...ALL_BUT_DATE] });
  const key = await issuer.publishNewKey('ES256');
  const token = await key.sign({ expiresAt: '1h' });
  const verify = createVerifier();
  await verify(token);
  issuer.withdrawKeys();
  await issuer.publishNewKey('ES256');

  jest.setSystemTime(Date.now() + 10 * 60 * 1000 + 1);
  await expect(verify(token)).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: 'The token is signed with a key its issuer does not publish.',
  });
});

test.each([
  ['fails', () => issuer.answerWith(503, '')],
  ['answers nonsense', () => issuer.answerWith(200, '<html>')],
  ['answers something that is no key set', () => issuer.answerWith(200, '{"keys":"none"}')],
  ['is down', () => issuer.close()],
])('is unavailable, not unauthenticated, while the issuer %s', async (_description, breakIssuer) => {
  const key = await issuer.publishNewKey('ES256');
  await breakIssuer();
  await expect(createVerifier()(await key.sign())).rejects.toMatchObject({
    code: 'UNAVAILABLE',
    message: "The token issuer's keys cannot be fetched at the moment.",
    cause: expect.anything(),
  });
});

test('recovers when the issuer does', async () => {
  const key = await issuer.publishNewKey('ES256');
  const token = await key.sign();
  const verify = createVerifier();
  issuer.answerWith(503, '');
  await expect(verify(token)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  issuer.answerWithKeys();
  expect(await verify(token)).toMatchObject({ subject: 'ada' });
});

const ALL_BUT_DATE = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

function createVerifier() {
  return createTokenVerifier({ secret: undefined, jwksUrl: issuer.url, issuer: ISSUER, audience: AUDIENCE });
}

/** An issuer on this machine: it publishes public keys over HTTP, and signs with the private ones. */
async function startIssuer() {
  let keys: JWK[] = [];
  let fault: { status: number; body: string } | null = null;
  let requests = 0;

  const server = createServer((_request, response) => {
    requests += 1;
    const { status, body } = fault ?? { status: 200, body: JSON.stringify({ keys }) };
    response.writeHead(status, { 'content-type': 'application/json', connection: 'close' }).end(body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    get requests() {
      return requests;
    },
    publish: (key: JWK) => void keys.push(key),
    withdrawKeys: () => {
      keys = [];
    },
    answerWith: (status: number, body: string) => {
      fault = { status, body };
    },
    answerWithKeys: () => {
      fault = null;
    },
    async publishNewKey(algorithm: string) {
      const { publicKey, privateKey } = await generateKeyPair(algorithm);
      const kid = crypto.randomUUID();
      keys.push({ ...(await exportJWK(publicKey)), kid, alg: algorithm, use: 'sig' });
      const defaults = { subject: 'ada', issuer: ISSUER, audience: AUDIENCE, expiresAt: '5m', kid };
      return {
        publicKey,
        sign: (overrides: Partial<Record<keyof typeof defaults, string | undefined>> = {}) => {
          const { subject, issuer, audience, expiresAt, kid } = { ...defaults, ...overrides };
          return new SignJWT({ roles: ['VIEWER'], iss: issuer!, sub: subject!, aud: audience! })
            .setProtectedHeader({ alg: algorithm, ...(kid !== undefined && { kid }) })
            .setExpirationTime(expiresAt!)
            .sign(privateKey);
        },
      };
    },
    async close() {
      if (!server.listening) return;
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}
