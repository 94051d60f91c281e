import { createHmac } from 'node:crypto';
import { decodeProtectedHeader } from 'jose';
import { createAuthenticator } from '../../src/auth/authenticator.ts';
import type { Identity, Role } from '../../src/auth/identity.ts';
import { createTokenVerifier, signToken, type TokenVerification } from '../../src/auth/tokens.ts';
import { StationmasterError } from '../../src/errors.ts';

const SECRET = 'the-secret-every-token-here-is-signed-with';
const NOW_MS = Date.parse('2030-01-01T00:00:00Z');
const NOW_SECONDS = NOW_MS / 1000;
const CLAIMS = { sub: 'ada', roles: ['OPERATOR'], exp: NOW_SECONDS + 60 };

function createVerifier(auth: Partial<TokenVerification> = {}) {
  const clock = { nowMs: NOW_MS };
  const verify = createTokenVerifier(
    { secret: SECRET, jwksUrl: undefined, issuer: undefined, audience: undefined, ...auth },
    { now: () => clock.nowMs },
  );
  return { verify, clock };
}

/** Signs whatever it is given, sound or not, with the algorithm HS256 whatever the header says. */
function forge(claims: object, header: object = { alg: 'HS256' }, secret = SECRET): string {
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url');
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

async function catchRefusal(promise: Promise<Identity>): Promise<StationmasterError> {
  const error = await promise.then(
    () => undefined,
    (reason) => reason,
  );
  if (error instanceof StationmasterError) return error;
  throw new Error('Expected a StationmasterError.', { cause: error });
}

describe('verifying a token', () => {
  test('tells who it speaks for', async () => {
    const { verify } = createVerifier();
    expect(await verify(forge(CLAIMS))).toEqual({
      subject: 'ada',
      roles: ['OPERATOR'],
      isAnonymous: false,
      expiresAtMs: NOW_MS + 60_000,
    });
  });

  test('accepts what signToken signs', async () => {
    const named = { issuer: 'https://issuer.example.com', audience: 'stationmaster' };
    const { verify } = createVerifier(named);
    const token = await signToken({
      secret: SECRET,
      roles: ['ADMIN', 'AGENT'],
      subject: 'ada',
      expiresInSeconds: 90,
      now: () => NOW_MS,
      ...named,
    });
    expect(await verify(token)).toEqual({
      subject: 'ada',
      roles: ['ADMIN', 'AGENT'],
      isAnonymous: false,
      expiresAtMs: NOW_MS + 90_000,
    });
  });

  test('signs what others can tell is a JWT', async () => {
    const token = await signToken({ secret: SECRET, roles: ['ADMIN'], subject: 'ada', expiresInSeconds: 90 });
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'HS256', typ: 'JWT' });
  });

  test('names roles once each and in one order, so that equal rights look equal', async () => {
    const { verify } = createVerifier();
    const { roles } = await verify(forge({ ...CLAIMS, roles: ['AGENT', 'VIEWER', 'AGENT'] }));
    expect(roles).toEqual(['VIEWER', 'AGENT']);
  });

  test('lets a token go without a subject', async () => {
    const { verify } = createVerifier();
    expect((await verify(forge({ ...CLAIMS, sub: undefined }))).subject).toBe('unknown');
  });

  test.each<[string, string, string]>([
    ['an expired one', forge({ ...CLAIMS, exp: NOW_SECONDS }), 'The token has expired.'],
    ['one a little expired', forge({ ...CLAIMS, exp: NOW_SECONDS - 1 }), 'The token has expired.'],
    ['one without an expiry', forge({ ...CLAIMS, exp: undefined }), 'The token has no expiry.'],
    ['one whose expiry is a text', forge({ ...CLAIMS, exp: 'never' }), 'The token is malformed.'],
    ['one whose expiry is past all dates', forge({ ...CLAIMS, exp: 1e300 }), "The token's expiry is not a date."],
    ['one for later', forge({ ...CLAIMS, nbf: NOW_SECONDS + 61 }), 'The token is not valid yet.'],
    ['one of the future', forge({ ...CLAIMS, iat: NOW_SECONDS + 61 }), 'The token was issued later than now.'],
    ['one issued at no time', forge({ ...CLAIMS, iat: 'now' }), 'The token is malformed.'],
    ['one signed by another', forge(CLAIMS, undefined, 'x'.repeat(32)), "The token's signature is not valid."],
    ['an altered one', alterClaims(forge(CLAIMS)), "The token's signature is not valid."],
    ['an unsigned one', unsign(forge(CLAIMS, { alg: 'none' })), "The token's signing algorithm is not accepted."],
    [
      'one of algorithm none that is signed all the same',
      forge(CLAIMS, { alg: 'none' }),
      "The token's signing algorithm is not accepted.",
    ],
    ['one of another algorithm', forge(CLAIMS, { alg: 'HS512' }), "The token's signing algorithm is not accepted."],
    [
      'one with critical extensions',
      forge(CLAIMS, { alg: 'HS256', crit: ['x'], x: 1 }),
      'The token could not be verified.',
    ],
    ['one that is no token', 'no-token', 'The token is malformed.'],
    ['one whose claims are a list', forge([]), 'The token is malformed.'],
    ['one with the roles of other applications', forge({ ...CLAIMS, roles: ['GOD', 1] }), 'The token names no roles.'],
    ['one with a role nobody gave', forge({ ...CLAIMS, roles: ['toString'] }), 'The token names no roles.'],
    ['one without roles', forge({ ...CLAIMS, roles: undefined }), 'The token names no roles.'],
    ['one with an empty list of roles', forge({ ...CLAIMS, roles: [] }), 'The token names no roles.'],
    ['one whose roles are a text', forge({ ...CLAIMS, roles: 'ADMIN' }), 'The token names no roles.'],
    ['one whose subject is a number', forge({ ...CLAIMS, sub: 7 }), "The token's subject is not a text."],
    ['a sound one over 8 KiB', forge({ ...CLAIMS, note: 'x'.repeat(8192) }), 'The token is longer than 8 KiB.'],
  ])('refuses %s', async (_description, token, message) => {
    const { verify } = createVerifier();
    const error = await catchRefusal(verify(token));
    expect([error.code, error.message]).toEqual(['UNAUTHENTICATED', message]);
  });

  test('keeps the cause, and keeps the token to itself', async () => {
    const { verify } = createVerifier();
    const token = forge(CLAIMS, undefined, 'x'.repeat(32));
    const error = await catchRefusal(verify(token));
    expect(error.cause).toMatchObject({ code: 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED' });
    for (const part of token.split('.')) expect(`${error.message} ${error.cause}`).not.toContain(part);
  });

  test('takes a token of exactly 8 KiB', async () => {
    const { verify } = createVerifier();
    const token = forge({ ...CLAIMS, note: 'x'.repeat(6095 - JSON.stringify({ ...CLAIMS, note: '' }).length) });
    expect(token).toHaveLength(8192);
    expect((await verify(token)).subject).toBe('ada');
  });

  test.each(['nbf', 'iat'])("allows for an issuer's clock that runs a minute ahead, in %s", async (claim) => {
    const { verify } = createVerifier();
    expect((await verify(forge({ ...CLAIMS, [claim]: NOW_SECONDS + 60 }))).subject).toBe('ada');
  });

  test.each([
    [{ issuer: 'us' }, {}, 'The token comes from another issuer.'],
    [{ issuer: 'us' }, { iss: 'them' }, 'The token comes from another issuer.'],
    [{ audience: 'us' }, {}, 'The token is meant for another audience.'],
    [{ audience: 'us' }, { aud: ['them'] }, 'The token is meant for another audience.'],
  ])('with %j configured refuses a token with %j', async (auth, claims, message) => {
    const { verify } = createVerifier(auth);
    expect((await catchRefusal(verify(forge({ ...CLAIMS, ...claims })))).message).toBe(message);
  });

  test('gives an identity that cannot be changed', async () => {
    const identity = await createVerifier().verify(forge(CLAIMS));
    expect(Object.isFrozen(identity) && Object.isFrozen(identity.roles)).toBe(true);
  });

  test('cannot be set up without a way to verify, or with two', () => {
    const refusal = new TypeError('Exactly one of secret and jwksUrl must be set to verify tokens.');
    expect(() => createVerifier({ secret: undefined })).toThrow(refusal);
    expect(() => createVerifier({ jwksUrl: 'https://issuer.example.com/keys' })).toThrow(refusal);
  });
});

describe('identifying a request', () => {
  function createIdentify(anonymousRole: Role | undefined = undefined, maxRemembered = 100) {
    const { verify, clock } = createVerifier();
    let verified = 0;
    const countingVerify = (token: string) => {
      verified += 1;
      return verify(token);
    };
    const now = () => clock.nowMs;
    const identify = createAuthenticator({ verify: countingVerify, anonymousRole, now, maxRemembered });
    return { identify, clock, verifications: () => verified };
  }

  test.each<[Role | undefined, Role[]]>([
    ['VIEWER', ['VIEWER']],
    [undefined, []],
  ])('gives a request without a token the anonymous role, here %s', async (anonymousRole, roles) => {
    expect(await createIdentify(anonymousRole).identify(undefined)).toStrictEqual({
      subject: 'anonymous',
      roles,
      isAnonymous: true,
      expiresAtMs: null,
    });
  });

  test.each(['Bearer ', 'bearer ', 'BEARER   '])('takes the token after %j', async (scheme) => {
    expect((await createIdentify().identify(`${scheme}${forge(CLAIMS)}`)).subject).toBe('ada');
  });

  test.each([
    '',
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Basic YTpi',
    `Basic, Bearer ${forge(CLAIMS)}`,
    forge(CLAIMS),
    null,
    0,
    {},
    { toString: () => `Bearer ${forge(CLAIMS)}` },
  ])('refuses %j instead of falling back to anonymous', async (authorization) => {
    const { identify } = createIdentify('ADMIN');
    expect(identify.known(authorization)).toBeNull();
    const error = await catchRefusal(identify(authorization));
    expect(error.code).toBe('UNAUTHENTICATED');
    expect(error.message).toBe('The authorization must be of the form "Bearer <token>".');
  });

  test('refuses a bad token instead of falling back to anonymous', async () => {
    const error = await catchRefusal(createIdentify('ADMIN').identify('Bearer bad'));
    expect([error.code, error.message]).toEqual(['UNAUTHENTICATED', 'The token is malformed.']);
  });

  test('verifies a token once for many requests, whose sender is then known at once', async () => {
    const { identify, verifications } = createIdentify();
    const authorization = `Bearer ${forge(CLAIMS)}`;
    expect(identify.known(authorization)).toBeNull();
    const identity = await identify(authorization);
    expect(await identify(authorization)).toBe(identity);
    expect(identify.known(authorization)).toBe(identity);
    expect(identify.known(undefined)).toBe(await identify(undefined));
    expect(verifications()).toBe(1);
  });

  test('stops accepting a token it remembers at the moment that expires', async () => {
    const { identify, clock } = createIdentify();
    const authorization = `Bearer ${forge({ ...CLAIMS, exp: NOW_SECONDS + 30 })}`;
    const identity = await identify(authorization);
    clock.nowMs = NOW_MS + 29_999;
    expect(identify.known(authorization)).toBe(identity);
    clock.nowMs = NOW_MS + 30_000;
    expect(identify.known(authorization)).toBeNull();
    expect((await catchRefusal(identify(authorization))).message).toBe('The token has expired.');
  });

  test('verifies a token again after a minute', async () => {
    const { identify, clock, verifications } = createIdentify();
    const authorization = `Bearer ${forge({ ...CLAIMS, exp: NOW_SECONDS + 3600 })}`;
    await identify(authorization);
    clock.nowMs = NOW_MS + 59_999;
    await identify(authorization);
    expect(verifications()).toBe(1);
    clock.nowMs = NOW_MS + 60_000;
    expect(identify.known(authorization)).toBeNull();
    await identify(authorization);
    expect(verifications()).toBe(2);
  });

  test('does not take a token it refused before for one it knows', async () => {
    const { identify, clock } = createIdentify();
    const early = `Bearer ${forge({ ...CLAIMS, nbf: NOW_SECONDS + 61 })}`;
    const forged = `Bearer ${forge(CLAIMS, undefined, 'x'.repeat(32))}`;
    for (const authorization of [early, forged, early, forged]) {
      expect((await catchRefusal(identify(authorization))).code).toBe('UNAUTHENTICATED');
      expect(identify.known(authorization)).toBeNull();
    }
    clock.nowMs += 1000;
    expect((await identify(early)).subject).toBe('ada');
  });

  test('remembers the tokens used last, no more than there is room for', async () => {
    const { identify } = createIdentify(undefined, 2);
    const [a, b, c] = ['a', 'b', 'c'].map((sub) => `Bearer ${forge({ ...CLAIMS, sub })}`);
    for (const authorization of [a, b, a, c]) await identify(authorization);
    expect([a, b, c].map((authorization) => identify.known(authorization)?.subject)).toEqual(['a', undefined, 'c']);
  });
});

function unsign(token: string): string {
  return token.slice(0, token.lastIndexOf('.') + 1);
}

function alterClaims(token: string): string {
  const [header, , signature] = token.split('.');
  return [header, forge({ ...CLAIMS, roles: ['ADMIN'] }).split('.')[1], signature].join('.');
}
