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
  const next = () => {
    const piece = stream.replay!.next();
    return piece && stream.eventsIn!(piece);
  };
  return { change, fake, next };
}

test('what changes while the REFETCH of a resumed subscriber is on its way is not lost', async () => {
  const { change, next } = await resume();
  expect(next()).toEqual([REFETCH]);
  change('a');
  change('b');
  expect(next()).toMatchObject([{ kind: 'DELETED', id: 'a' }]);
  expect(next()).toMatchObject([{ kind: 'DELETED', id: 'b' }]);
  expect(next()).toBeNull();
});

test('a resumed subscriber that is told to read again in a gap is told so once more when that is over', async () => {
  const { change, fake, next } = await resume();
  fake.down();
  expect(next()).toEqual([REFETCH]);
  fake.up();
  change('a');
  expect(next()).toEqual([REFETCH]);
  change('b');
  expect(next()).toMatchObject([{ kind: 'DELETED', id: 'b' }]);
});
