import { jest } from '@jest/globals';
import { exportJWK, exportSPKI } from 'jose';
import { createTokenVerifier, signToken, type TokenVerifier } from '../../src/auth/tokens.ts';
import { AUDIENCE, ISSUER, type Issuer, type IssuerKey, startIssuer } from '../support/issuer.ts';

const NO_SUCH_KEY = {
  code: 'UNAUTHENTICATED',
  message: 'The token is signed with a key its issuer does not publish.',
};
const NO_ANSWER = { code: 'UNAVAILABLE', message: "The token issuer's keys cannot be fetched at the moment." };

const FOREVER = () => new AbortController().signal;

let issuer: Issuer;
let clock: { nowMs: number };

beforeEach(async () => {
  issuer = await startIssuer();
  clock = { nowMs: Date.now() };
});

afterEach(() => issuer.close());

test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])('verifies %s with the keys the issuer publishes', async (algorithm) => {
  const key = await issuer.publishNewKey(algorithm);
  const identity = await createVerifier()(await key.sign());
  expect(identity).toMatchObject({ subject: 'ada', roles: ['VIEWER'], isAnonymous: false });
});

test('fetches the keys once for many tokens', async () => {
  const key = await issuer.publishNewKey('ES256');
  const verify = createVerifier();
  const tokens = await Promise.all(['a', 'b', 'c'].map((sub) => key.sign({ sub })));
  expect((await Promise.all(tokens.map(verify))).map(({ subject }) => subject)).toEqual(['a', 'b', 'c']);
  expect(issuer.requests).toBe(1);
});

test('finds the right key among several for a token that names none', async () => {
  await issuer.publishNewKey('RS256');
  const second = await issuer.publishNewKey('RS256');
  expect(await createVerifier()(await second.sign({}, {}))).toMatchObject({ subject: 'ada' });
});

test('does not fetch keys again for a token that names no key', async () => {
  await issuer.publishNewKey('RS256');
  const second = await issuer.publishNewKey('RS256');
  const verify = createVerifier();
  await verify(await second.sign({}, {}));
  advanceSeconds(10);
  await verify(await second.sign({}, {}));
  expect(issuer.requests).toBe(1);
});

test('refuses a token that names no key and matches none', async () => {
  const withdrawn = await issuer.publishNewKey('RS256');
  issuer.withdrawKeys();
  await issuer.publishNewKey('RS256');
  await issuer.publishNewKey('RS256');
  await expect(createVerifier()(await withdrawn.sign({}, {}))).rejects.toMatchObject({
    code: 'UNAUTHENTICATED',
    message: "The token's signature is not valid.",
  });
});

test.each([
  ['is for somebody else', { aud: 'another-service' }, 'The token is meant for another audience.'],
  ['comes from somebody else', { iss: 'https://elsewhere.example.com' }, 'The token comes from another issuer.'],
  ['has expired', { exp: 1 }, 'The token has expired.'],
] as const)('refuses a token that names no key, fits the first of several and %s', async (_how, claims, message) => {
  const first = await issuer.publishNewKey('RS256');
  await issuer.publishNewKey('RS256');
  const refused = createVerifier()(await first.sign(claims, {}));
  await expect(refused).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message });
});

test('refuses a token signed with a key the issuer does not publish', async () => {
  const withdrawn = await issuer.publishNewKey('ES256');
  issuer.withdrawKeys();
  await expect(createVerifier()(await withdrawn.sign())).rejects.toMatchObject(NO_SUCH_KEY);
});

test('does not accept the public key as a shared secret', async () => {
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

test('does not accept a published symmetric key', async () => {
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
  [{ iss: 'https://other.example.com' }, 'The token comes from another issuer.'],
  [{ aud: 'other' }, 'The token is meant for another audience.'],
])('refuses a token with %j', async (claims, message) => {
  const key = await issuer.publishNewKey('ES256');
  await expect(createVerifier()(await key.sign(claims))).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message });
});

describe('When the issuer rotates its keys', () => {
  let before: IssuerKey;
  let verify: TokenVerifier;

  beforeEach(async () => {
    before = await issuer.publishNewKey('ES256');
    verify = createVerifier();
    await verify(await before.sign({ sub: 'first' }));
    expect(issuer.requests).toBe(1);
  });

  test('a new key counts as soon as a token names it, ten seconds after the previous fetch', async () => {
    const after = await issuer.publishNewKey('ES256');
    await expect(verify(await after.sign())).rejects.toMatchObject(NO_SUCH_KEY);
    advanceSeconds(10);
    expect(await verify(await after.sign())).toMatchObject({ subject: 'ada' });
    expect(await verify(await before.sign())).toMatchObject({ subject: 'ada' });
    expect(issuer.requests).toBe(2);
  });

  test('a withdrawn key still counts for five minutes', async () => {
    issuer.withdrawKeys();
    await issuer.publishNewKey('ES256');
    advanceSeconds(299);
    expect(await verify(await before.sign())).toMatchObject({ subject: 'ada' });
    advanceSeconds(1);
    await expect(verify(await before.sign())).rejects.toMatchObject(NO_SUCH_KEY);
  });

  test('tokens with unknown keys cause a fetch at most every ten seconds', async () => {
    const elsewhere = await startIssuer();
    const foreign = await elsewhere.publishNewKey('ES256');
    await elsewhere.close();
    const present = async () => {
      const tokens = await Promise.all(Array.from({ length: 50 }, (_, i) => foreign.sign({}, { kid: `foreign-${i}` })));
      for (const outcome of await Promise.allSettled(tokens.map(verify))) {
        expect(outcome).toMatchObject({ status: 'rejected', reason: NO_SUCH_KEY });
      }
    };
    await present();
    advanceSeconds(9);
    await present();
    expect(issuer.requests).toBe(1);
    advanceSeconds(1);
    await present();
    await present();
    expect(issuer.requests).toBe(2);
  });
});

describe.each([
  ['fails', () => issuer.answerWith(503, '')],
  ['answers nonsense', () => issuer.answerWith(200, '<html>')],
  ['answers something that is no key set', () => issuer.answerWith(200, '{"keys":"none"}')],
  ['sends elsewhere', () => issuer.answerWith(302, '')],
  ['fails, with a body like that of a success', () => issuer.answerWith(500, '{"keys":[]}')],
  ['does not answer in time', () => issuer.fallSilent()],
  ['is down', () => issuer.close()],
])('While the issuer %s', (_description, breakIssuer) => {
  test('is unavailable, not unauthenticated', async () => {
    const key = await issuer.publishNewKey('ES256');
    await breakIssuer();
    await expect(createVerifier()(await key.sign())).rejects.toMatchObject({ ...NO_ANSWER, cause: expect.anything() });
  });

  test('the keys it published last count for an hour', async () => {
    const key = await issuer.publishNewKey('ES256');
    const unknown = await issuer.publishNewKey('ES256');
    const verify = createVerifier();
    await verify(await key.sign({ sub: 'first' }));
    await breakIssuer();
    advanceSeconds(3599);
    expect(await verify(await key.sign({ sub: 'second' }))).toMatchObject({ subject: 'second' });
    await expect(verify(await unknown.sign({}, { kid: 'new' }))).rejects.toMatchObject(NO_ANSWER);
    advanceSeconds(1);
    await expect(verify(await key.sign({ sub: 'third', exp: clock.nowMs / 1000 + 1 }))).rejects.toMatchObject(
      NO_ANSWER,
    );
  });

  test('it is not asked more than once a second', async () => {
    const key = await issuer.publishNewKey('ES256');
    await breakIssuer();
    const verify = createVerifier();
    const token = await key.sign();
    const attempt = () => Promise.allSettled(Array.from({ length: 20 }, () => verify(token)));
    await attempt();
    const { requests } = issuer;
    expect(requests).toBeLessThanOrEqual(1);
    advanceSeconds(0.999);
    await attempt();
    expect(issuer.requests).toBe(requests);
    advanceSeconds(0.001);
    await attempt();
    expect(issuer.requests).toBe(2 * requests);
  });
});

test('only the first callers wait for a slow issuer', async () => {
  const key = await issuer.publishNewKey('ES256');
  const verify = createVerifier();
  await verify(await key.sign({ sub: 'first' }));
  issuer.fallSilent();
  advanceSeconds(300);
  await verify(await key.sign({ sub: 'second' }));
  expect(issuer.requests).toBe(2);

  const patient = createVerifier({ issuerTimeout: FOREVER });
  issuer.answerWithKeys();
  await patient(await key.sign({ sub: 'third' }));
  issuer.answerWith(503, '');
  advanceSeconds(300);
  await patient(await key.sign({ sub: 'fourth' }));
  issuer.fallSilent();
  advanceSeconds(1);
  // If it waited, the test would time out.
  expect(await patient(await key.sign({ sub: 'fifth' }))).toMatchObject({ subject: 'fifth' });
});

test('callers that arrive during a slow fetch wait for it and start no other', async () => {
  const key = await issuer.publishNewKey('ES256');
  const tokens = await Promise.all(['first', 'second'].map((sub) => key.sign({ sub })));
  const { promise: isAsked, resolve } = Promise.withResolvers<void>();
  const verify = createVerifier({
    issuerTimeout: () => {
      resolve();
      return FOREVER();
    },
  });
  issuer.fallSilent();
  const first = verify(tokens[0]!);
  await isAsked;
  advanceSeconds(10);
  const second = verify(tokens[1]!);
  // By then every caller has asked: nothing else is left to run.
  await new Promise(setImmediate);
  issuer.answerWithKeys();
  expect(await Promise.all([first, second])).toMatchObject([{ subject: 'first' }, { subject: 'second' }]);
  expect(issuer.requests).toBe(1);
});

test('a fetch without waiting callers may fail', async () => {
  const key = await issuer.publishNewKey('ES256');
  let patience = FOREVER();
  const verify = createVerifier({ issuerTimeout: () => patience });
  await verify(await key.sign({ sub: 'first' }));
  patience = AbortSignal.abort();
  advanceSeconds(300);
  await verify(await key.sign({ sub: 'second' }));
  advanceSeconds(1);
  expect(await verify(await key.sign({ sub: 'third' }))).toMatchObject({ subject: 'third' });
  // An unhandled rejection would end the process, here the test.
  await new Promise(setImmediate);
});

test('waits three seconds for an issuer by default', async () => {
  const timeout = jest.spyOn(AbortSignal, 'timeout').mockReturnValue(AbortSignal.abort());
  try {
    const key = await issuer.publishNewKey('ES256');
    const auth = { secret: undefined, jwksUrl: issuer.url, issuer: ISSUER, audience: AUDIENCE };
    await expect(createTokenVerifier(auth)(await key.sign())).rejects.toMatchObject(NO_ANSWER);
    expect(timeout.mock.calls).toEqual([[3000]]);
  } finally {
    timeout.mockRestore();
  }
});

test('recovers when the issuer does', async () => {
  const key = await issuer.publishNewKey('ES256');
  const token = await key.sign();
  const verify = createVerifier();
  issuer.answerWith(503, '');
  await expect(verify(token)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  issuer.answerWithKeys();
  advanceSeconds(1);
  expect(await verify(token)).toMatchObject({ subject: 'ada' });
});

test('a token that expires during the fetch is refused', async () => {
  const key = await issuer.publishNewKey('ES256');
  const token = await key.sign({ exp: clock.nowMs / 1000 + 1 });
  issuer.fallSilent();
  const verify = createVerifier({ issuerTimeout: FOREVER });
  const verified = verify(token);
  advanceSeconds(1);
  issuer.answerWithKeys();
  await expect(verified).rejects.toMatchObject({ code: 'UNAUTHENTICATED', message: 'The token has expired.' });
});

function createVerifier({ issuerTimeout = issuer.patience } = {}) {
  const auth = { secret: undefined, jwksUrl: issuer.url, issuer: ISSUER, audience: AUDIENCE };
  return createTokenVerifier(auth, { now: () => clock.nowMs, issuerTimeout });
}

function advanceSeconds(seconds: number): void {
  clock.nowMs += 1000 * seconds;
}
