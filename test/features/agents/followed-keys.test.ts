import 'reflect-metadata';
import type { Change, FeedListener, FeedState } from '../../../src/changes/index.ts';
import type { Database } from '../../../src/database/database.ts';
import { FollowedKeys } from '../../../src/features/agents/followed-keys.ts';
import { hashSecret } from '../../../src/features/agents/secrets.ts';

const KEY = `smk_${'A'.repeat(43)}`;
const HASH = hashSecret(KEY);
const WORKSTATION = '01890000-0000-7000-8000-000000000001';
const ANNOUNCED = { xid: '7', before: 0, at: undefined, bytes: 100 };
const ROW = { id: 'k', workstation_id: WORKSTATION, key_hash: HASH };

/** Keys over a database and a feed that the test plays. */
function play() {
  const stored = new Set<string>([HASH]);
  const asked: string[][] = [];
  let answer: () => Promise<void> = () => Promise.resolve();
  let listener!: FeedListener;
  const feed = {
    state: 'live' as FeedState,
    follow: (given: FeedListener) => {
      listener = given;
      return () => {};
    },
  };
  const database = {
    query: async (_name: string, _text: string, [hashes]: readonly [string[]]) => {
      asked.push(hashes);
      const found = hashes.filter((hash) => stored.has(hash)).map((id) => ({ id, workstation_id: WORKSTATION }));
      await answer();
      return found;
    },
  } as unknown as Database;
  const errors: unknown[] = [];
  const keys = new FollowedKeys({ database, feed, onError: (error) => errors.push(error) });
  const change = (part: Partial<Change>) =>
    listener.onChanges!(
      [{ table: 'agent_key', op: 'DELETE', id: 'k', version: 1, old: ROW, new: null, ...part }],
      ANNOUNCED,
    );
  return {
    keys,
    asked,
    stored,
    errors,
    change,
    /** Every statement from now on ends with what `work` does. */
    answerWith(work: () => Promise<void>) {
      answer = work;
    },
    gap() {
      feed.state = 'gap';
      listener.onGap!();
    },
    live() {
      feed.state = 'live';
      listener.onLive!();
    },
    truncate: (table: string) => listener.onTruncate!(table, ANNOUNCED),
  };
}

test('a key that was found is known until its row is deleted', async () => {
  const { keys, asked, change, stored } = play();
  expect(keys.known(KEY)).toBeNull();
  const identity = await keys.find(KEY);
  expect(identity).toMatchObject({ subject: `agent:${WORKSTATION}`, roles: ['AGENT'], workstationId: WORKSTATION });
  expect(keys.known(KEY)).toBe(identity);
  stored.delete(HASH);
  change({});
  expect(keys.known(KEY)).toBeNull();
  await expect(keys.find(KEY)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(asked).toEqual([[HASH], [HASH]]);
});

test('a key is known until its row has another hash, and other changes leave it alone', async () => {
  const { keys, change } = play();
  const identity = await keys.find(KEY);
  change({ op: 'UPDATE', version: 2, new: { ...ROW, enrollment_id: null } });
  change({ table: 'workstation' });
  change({ id: 'other', old: { ...ROW, id: 'other', key_hash: 'other' } });
  expect(keys.known(KEY)).toBe(identity);
  change({ op: 'UPDATE', version: 3, new: { ...ROW, key_hash: 'new' } });
  expect(keys.known(KEY)).toBeNull();
});

test('keys that are used in one turn are searched for in one statement', async () => {
  const { keys, asked } = play();
  const others = ['B', 'C'].map((letter) => `smk_${letter.repeat(43)}`);
  await Promise.allSettled([KEY, ...others].map((key) => keys.find(key)));
  expect(asked).toEqual([[KEY, ...others].map(hashSecret)]);
});

test('a key that is revoked while it is searched for is not remembered, and not accepted', async () => {
  const { keys, asked, answerWith, change, stored } = play();
  answerWith(async () => {
    if (asked.length > 1) return;
    stored.delete(HASH);
    change({});
  });
  await expect(keys.find(KEY)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  expect(asked).toHaveLength(2);
  expect(keys.known(KEY)).toBeNull();
});

test('while changes may be missed, every use of a key asks the database', async () => {
  const { keys, asked, gap, live, stored } = play();
  await keys.find(KEY);
  gap();
  expect(keys.known(KEY)).toBeNull();
  await keys.find(KEY);
  expect(keys.known(KEY)).toBeNull();
  stored.delete(HASH);
  await expect(keys.find(KEY)).rejects.toMatchObject({ code: 'UNAUTHENTICATED' });
  stored.add(HASH);
  live();
  expect(keys.known(KEY)).toBeNull();
  await keys.find(KEY);
  expect(keys.known(KEY)).not.toBeNull();
  expect(asked).toHaveLength(4);
});

test.each(['gap', 'live'] as const)('what was found before the feed became %s is asked for again', async (event) => {
  const world = play();
  world.answerWith(async () => {
    if (world.asked.length === 1) world[event]();
  });
  await world.keys.find(KEY);
  expect(world.asked).toHaveLength(2);
});

describe('Who waits for the end of a key', () => {
  test('hears of it once, and not after it stopped waiting', async () => {
    const { keys, change } = play();
    const { onRevoked } = await keys.find(KEY);
    const heard: string[] = [];
    onRevoked!(() => heard.push('first'));
    const stop = onRevoked!(() => heard.push('second'));
    stop();
    change({});
    change({});
    expect(heard).toEqual(['first']);
  });

  test.each([
    ['a gap in which it ended', 'live'],
    ['a TRUNCATE', 'truncate'],
    ['a change that has no room in its announcement', 'large'],
  ])('hears of it after %s', async (_name, how) => {
    const { keys, change, live, stored, truncate } = play();
    const heard = Promise.withResolvers<void>();
    (await keys.find(KEY)).onRevoked!(heard.resolve);
    stored.delete(HASH);
    if (how === 'live') live();
    if (how === 'truncate') truncate('agent_key');
    if (how === 'large') change({ old: undefined, new: undefined });
    await heard.promise;
    expect(keys.known(KEY)).toBeNull();
  });

  test('hears nothing of a gap in which it did not end', async () => {
    const { keys, asked, gap, live, truncate } = play();
    let ended = 0;
    const { onRevoked } = await keys.find(KEY);
    onRevoked!(() => ended++);
    truncate('workstation');
    gap();
    live();
    // Is answered after the question whether it ended.
    await keys.find(KEY);
    expect(ended).toBe(0);
    expect(asked).toHaveLength(2);
  });

  test('hears of it when the database cannot say whether it ended', async () => {
    const { keys, answerWith, errors, live } = play();
    const heard = Promise.withResolvers<void>();
    (await keys.find(KEY)).onRevoked!(heard.resolve);
    answerWith(() => Promise.reject(new Error('gone')));
    live();
    await heard.promise;
    expect(errors).toEqual([new Error('gone')]);
    await expect(keys.find(KEY)).rejects.toMatchObject({ code: 'UNAVAILABLE' });
  });
});
