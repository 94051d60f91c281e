import type { AgentKeys } from '../../src/auth/agent-keys.ts';
import { createAuthenticator } from '../../src/auth/authenticator.ts';
import type { Identity } from '../../src/auth/identity.ts';
import { refuseToken } from '../../src/auth/token-errors.ts';

const AGENT: Identity = {
  subject: 'agent:w',
  roles: ['AGENT'],
  isAnonymous: false,
  expiresAtMs: null,
  workstationId: 'w',
};
const TOKEN: Identity = { subject: 'ada', roles: ['ADMIN'], isAnonymous: false, expiresAtMs: Number.MAX_SAFE_INTEGER };

function play() {
  const asked: string[] = [];
  const remembered = new Set<string>();
  const agentKeys: AgentKeys = {
    known: (key) => (remembered.has(key) ? AGENT : null),
    async find(key) {
      asked.push(key);
      if (key !== 'smk_good') throw refuseToken('no such key');
      return AGENT;
    },
  };
  const verified: string[] = [];
  const authenticate = createAuthenticator({
    verify: async (token) => {
      verified.push(token);
      return TOKEN;
    },
    agentKeys,
    anonymousRole: 'VIEWER',
  });
  return { authenticate, asked, remembered, verified };
}

test('a key is asked for each time, and not verified as a token', async () => {
  const { authenticate, asked, verified } = play();
  expect(authenticate.known('Bearer smk_good')).toBeNull();
  expect(await authenticate('Bearer smk_good')).toBe(AGENT);
  expect(await authenticate('bearer   smk_good ')).toBe(AGENT);
  expect(authenticate.known('Bearer smk_good')).toBeNull();
  await expect(authenticate('Bearer smk_bad')).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(asked).toEqual(['smk_good', 'smk_good', 'smk_bad']);
  expect(verified).toEqual([]);
});

test('a key is known only as long as its source knows it', () => {
  const { authenticate, remembered } = play();
  remembered.add('smk_good');
  expect(authenticate.known('Bearer smk_good')).toBe(AGENT);
  expect(authenticate.known('bearer  smk_good ')).toBe(AGENT);
  remembered.clear();
  expect(authenticate.known('Bearer smk_good')).toBeNull();
});

test('a key without the word Bearer, or beside another, is refused', async () => {
  const { authenticate, asked, remembered } = play();
  remembered.add('smk_good');
  for (const authorization of ['smk_good', 'Basic smk_good', 'Bearer smk_good smk_good', 'Bearer']) {
    expect(authenticate.known(authorization)).toBeNull();
    await expect(authenticate(authorization)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  }
  expect(asked).toEqual([]);
});

test('a token is verified as before, and remembered', async () => {
  const { authenticate, asked, verified } = play();
  expect(await authenticate('Bearer eyJ.smk_')).toBe(TOKEN);
  expect(authenticate.known('Bearer eyJ.smk_')).toBe(TOKEN);
  expect(asked).toEqual([]);
  expect(verified).toEqual(['eyJ.smk_']);
});

test('without a source of keys, a key is verified as a token', async () => {
  const verify = () => Promise.reject(refuseToken('The token is malformed.'));
  const authenticate = createAuthenticator({ verify, anonymousRole: undefined });
  expect(authenticate.known('Bearer smk_good')).toBeNull();
  await expect(authenticate('Bearer smk_good')).rejects.toMatchObject({ message: 'The token is malformed.' });
});
