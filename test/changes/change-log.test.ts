import { ChangeFeed, ChangeLog, type LogReader } from '../../src/changes/index.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';
import { createFakeSource } from './fake-source.ts';

const DATABASE = 'da7aba5e';
const ROW = { id: 'a', version: 1, old: null, new: { name: 'x' } };

async function open({ maxBytes, maxAgeMs }: { maxBytes?: number; maxAgeMs?: number } = {}) {
  const fake = createFakeSource();
  const timers = createManualTimers();
  const feed = new ChangeFeed({ source: fake.source, timers });
  const log = new ChangeLog({ feed, timers, maxBytes, maxAgeMs, databaseId: () => DATABASE });
  await feed.start();
  fake.up();
  const say = (xid: number, rows = 1) =>
    fake.say({
      table: 'workstation',
      op: 'INSERT',
      xid: String(xid),
      isLast: true,
      at: xid,
      rows: Array.from({ length: rows }, (_, index) => ({ ...ROW, id: `${xid}-${index}` })),
    });
  return { fake, log, say, timers };
}

/** The ids of the rows that a reader gives, up to the end. */
function read(reader: LogReader | null): string[] | string {
  const ids: string[] = [];
  for (;;) {
    const message = reader ? reader.next() : 'unknown';
    if (message === null) return ids;
    if (typeof message === 'string') return message;
    ids.push(...message.changes!.slice(message.skip).map(({ id }) => id));
  }
}

describe('the log of the feed', () => {
  test('gives what was heard after a position, whatever the numbers of the transactions', async () => {
    const { log, say } = await open();
    const positions = [log.position];
    for (const xid of [30, 10, 20]) {
      say(xid, 2);
      positions.push(log.position);
    }
    const all = ['30-0', '30-1', '10-0', '10-1', '20-0', '20-1'];
    for (const [index, position] of positions.entries())
      expect(read(log.readAfter(position))).toEqual(all.slice(2 * index));
  });

  test('refuses what is no position', async () => {
    const { log } = await open();
    const message = 'since is not a position: send the position of an event, or what a mutation answered as such.';
    const refusal = expect.objectContaining({ code: 'BAD_USER_INPUT', field: 'since', message });
    expect(() => log.readAfter('yesterday')).toThrow(refusal);
  });

  test('knows no place of another database, even if the rest of the position is the same', async () => {
    const { log, say } = await open();
    say(1);
    const { position } = log;
    expect(read(log.readAfter(position))).toEqual([]);
    expect(read(log.readAfter(position.replace(DATABASE, 'da7aba5f')))).toBe('unknown');
  });

  test('knows no place before its feed is live', () => {
    const feed = new ChangeFeed({ source: createFakeSource().source });
    const log = new ChangeLog({ feed, databaseId: () => DATABASE });
    expect(read(log.readAfter(log.position))).toBe('unknown');
  });

  test('keeps nothing of an announcement without rows', async () => {
    const fake = createFakeSource();
    const errors: unknown[] = [];
    const feed = new ChangeFeed({ source: fake.source, onError: (error) => errors.push(error) });
    await feed.start();
    fake.up();
    const log = new ChangeLog({ feed, databaseId: () => DATABASE });
    const { position } = log;
    fake.say({ table: 'workstation', op: 'UPDATE', xid: '1', isLast: true, rows: [] });
    expect([log.position, log.bytes, errors]).toEqual([position, 0, []]);
  });

  test('begins at once on a feed that is live', async () => {
    const fake = createFakeSource();
    const feed = new ChangeFeed({ source: fake.source });
    await feed.start();
    fake.up();
    const log = new ChangeLog({ feed, databaseId: () => DATABASE });
    expect(read(log.readAfter(log.position))).toEqual([]);
  });

  test('counts the rows of a transaction through all of its messages', async () => {
    const { log, say } = await open();
    say(7, 2);
    say(7, 3);
    say(8);
    const after = (rows: number, at = 7) => log.positionIn({ xid: '7', before: 0, at, bytes: 0 }, rows);
    expect(read(log.readAfter(after(1)))).toEqual(['7-1', '7-0', '7-1', '7-2', '8-0']);
    expect(read(log.readAfter(after(4)))).toEqual(['7-2', '8-0']);
    expect(read(log.readAfter(after(5)))).toEqual(['8-0']);
    expect(read(log.readAfter(after(6)))).toBe('unknown');
    expect(read(log.readAfter(after(5, 9)))).toBe('unknown');
  });

  test('goes on with what is heard while it is read', async () => {
    const { log, say } = await open();
    const reader = log.readAfter(log.position);
    expect(read(reader)).toEqual([]);
    say(1);
    say(2);
    expect(read(reader)).toEqual(['1-0', '2-0']);
  });

  test('forgets what is older than its age, but not the place where that ended', async () => {
    const { log, say, timers } = await open({ maxAgeMs: 1000 });
    const start = log.position;
    say(1);
    const first = log.position;
    timers.advance(600);
    say(2);
    timers.advance(600);
    expect(read(log.readAfter(start))).toBe('unknown');
    expect(read(log.readAfter(first))).toEqual(['2-0']);
    timers.advance(600);
    expect(read(log.readAfter(first))).toBe('unknown');
    expect(read(log.readAfter(log.position))).toEqual([]);
    expect(log.bytes).toBe(0);
  });

  test('is bounded by bytes: the oldest messages go first', async () => {
    const { log, say } = await open({ maxBytes: 10_000 });
    const positions: string[] = [];
    for (let xid = 1; xid <= 1000; xid++) {
      say(xid);
      positions.push(log.position);
      expect(log.bytes).toBeLessThanOrEqual(10_000);
    }
    expect(log.bytes).toBeGreaterThan(9000);
    expect(read(log.readAfter(positions[0]!))).toBe('unknown');
    expect(read(log.readAfter(positions[990]!))).toHaveLength(9);
  });

  test('that forgets the first messages of a transaction still knows the places in the others', async () => {
    const { log, say } = await open({ maxBytes: 10_000 });
    for (let part = 0; part < 100; part++) say(5, 2);
    const at = (rows: number) => log.positionIn({ xid: '5', before: 0, at: 5, bytes: 0 }, rows);
    expect(read(log.readAfter(at(3)))).toBe('unknown');
    expect(read(log.readAfter(at(197)))).toEqual(['5-1', '5-0', '5-1']);
  });

  test('tells a reader that is too slow that it has lost the rest', async () => {
    const { log, say } = await open({ maxBytes: 10_000 });
    const reader = log.readAfter(log.position);
    for (let xid = 1; xid <= 1000; xid++) say(xid);
    expect(read(reader)).toBe('lost');
  });

  test('remembers nothing of before a gap, nor does it know of anything in it', async () => {
    const { fake, log, say } = await open();
    say(1);
    const before = log.position;
    const reader = log.readAfter(before);
    fake.down();
    const inGap = log.position;
    expect(inGap).toBe(`${DATABASE}-0`);
    const readerInGap = log.readFromNow();
    expect(read(readerInGap)).toEqual([]);
    fake.up();
    say(2);
    for (const position of [before, inGap]) expect(read(log.readAfter(position))).toBe('unknown');
    for (const each of [reader, readerInGap]) expect(read(each)).toBe('lost');
  });
});
