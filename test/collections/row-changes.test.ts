import 'reflect-metadata';
import { ChangeFeed, ChangeLog } from '../../src/changes/index.ts';
import { streamRowChanges } from '../../src/collections/index.ts';
import { createFakeSource } from '../changes/fake-source.ts';
import { studios } from './desks.ts';

const DATABASE = 'da7aba5e';
const REFETCH = expect.objectContaining({ kind: 'REFETCH' });

/** A stream of a subscriber that was cut off at a position which is not remembered. */
async function resume() {
  const fake = createFakeSource();
  const feed = new ChangeFeed({ source: fake.source });
  const log = new ChangeLog({ feed, databaseId: () => DATABASE });
  await feed.start();
  fake.up();
  const stream = streamRowChanges(studios, { since: `${DATABASE}-99.1.a` }, { feed, log });
  const change = (id: string) =>
    fake.say({
      table: 'studio',
      op: 'DELETE',
      xid: '1',
      isLast: true,
      rows: [{ id, version: 1, old: { id }, new: null }],
    });
  return { change, fake, replay: stream.replay! };
}

test('what changes while the REFETCH of a resumed subscriber is on its way is not lost', async () => {
  const { change, replay } = await resume();
  expect(replay.next()).toEqual([REFETCH]);
  change('a');
  change('b');
  expect(replay.next()).toMatchObject([{ kind: 'DELETED', id: 'a' }]);
  expect(replay.next()).toMatchObject([{ kind: 'DELETED', id: 'b' }]);
  expect(replay.next()).toBeNull();
});

test('a resumed subscriber that is told to read again in a gap is told so once more when that is over', async () => {
  const { change, fake, replay } = await resume();
  fake.down();
  expect(replay.next()).toEqual([REFETCH]);
  fake.up();
  change('a');
  expect(replay.next()).toEqual([REFETCH]);
  change('b');
  expect(replay.next()).toMatchObject([{ kind: 'DELETED', id: 'b' }]);
});
