import { ChangeFeed, ChangeLog, Positions } from '../../src/changes/index.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';
import { createFakeSource } from './fake-source.ts';

const DATABASE = 'da7aba5e';
/** Everything below 100 had ended, and so had 101; 100 was under way. */
const SNAPSHOT = '100:102:100';

/** Creates the positions of a feed that is live. */
async function createPositions() {
  const fake = createFakeSource();
  const timers = createManualTimers();
  const sent: string[] = [];
  const echo = { isRepeated: false, send: async (id: string) => void sent.push(id) };
  const feed = new ChangeFeed({ source: fake.source, timers, echo });
  const databaseId = () => DATABASE;
  const log = new ChangeLog({ feed, databaseId });
  const positions = new Positions({ feed, log, timers, databaseId });
  const echoes = () => sent.length;
  const hear = (snapshot = SNAPSHOT) => fake.say({ echo: sent.at(-1), snapshot });
  const announce = (xid: number) =>
    fake.say({ table: 'desk', op: 'TRUNCATE', xid: String(xid), isLast: true, rows: [] });
  await feed.start();
  fake.up();
  hear();
  return { positions, feed, fake, timers, echoes, hear, announce };
}

describe('the position of a write', () => {
  test('is where the announcements end that were heard when the write was ready', async () => {
    const { positions, announce } = await createPositions();
    const positionOf = positions.follow();
    announce(205);
    announce(203);
    announce(203);
    expect(positionOf()).toBe(`${DATABASE}-203.2.0`);
  });

  test('is of no transaction when nothing was heard yet', async () => {
    const { positions } = await createPositions();
    expect(positions.follow()()).toMatch(new RegExp(`^${DATABASE}-0\\.0\\.[0-9a-z]+$`));
  });

  test.each([
    [
      'after a gap, whose changes were not heard',
      async ({ fake, hear, announce }: Parts) => {
        fake.down();
        fake.up();
        hear();
        announce(300);
      },
    ],
    ['in a gap', async ({ fake }: Parts) => fake.down()],
  ])('is not known %s', async (_when, happen) => {
    const parts = await createPositions();
    const positionOf = parts.positions.follow();
    await happen(parts);
    expect(positionOf()).toBe(`${DATABASE}-0`);
  });
});

type Parts = Awaited<ReturnType<typeof createPositions>>;

describe('a read after a position', () => {
  test('goes on at once when the transaction was heard, by itself or by the echo of a snapshot', async () => {
    const { positions, announce, echoes } = await createPositions();
    announce(203);
    announce(204);
    for (const place of ['99', '101', '203', '203.1.0', '203.1.zzzzzz']) {
      expect(positions.reach(`${DATABASE}-${place}`)).toBe(true);
    }
    expect(echoes()).toBe(1);
  });

  test('goes on at once in a gap, in which nothing cached is fresh', async () => {
    const { positions, fake } = await createPositions();
    fake.down();
    expect(positions.reach(`${DATABASE}-500`)).toBe(true);
  });

  test('otherwise asks for an echo, and goes on when that is heard', async () => {
    const { positions, echoes, hear } = await createPositions();
    const reached = [positions.reach(`${DATABASE}-150`), positions.reach(`${DATABASE}-0.0.a`)];
    expect(echoes()).toBe(2);
    hear('160:160:');
    await Promise.resolve();
    // The second one came while the first echo was under way, which may have been sent before.
    hear('160:160:');
    expect(await Promise.all(reached)).toEqual([true, true]);
  });

  test('does not trust the cache after a transaction that even the echo does not know', async () => {
    const { positions, hear } = await createPositions();
    const reached = positions.reach(`${DATABASE}-150`);
    hear();
    expect(await reached).toBe(false);
  });

  test('does not trust the cache when the echo takes longer than a second', async () => {
    const { positions, timers } = await createPositions();
    const reached = positions.reach(`${DATABASE}-150`);
    timers.advance(1000);
    expect(await reached).toBe(false);
  });

  test.each([
    ['', 'is not a position'],
    ['150', 'is not a position'],
    [`${DATABASE}-`, 'is not a position'],
    [`${DATABASE}--1`, 'is not a position'],
    [`${DATABASE}-150, ${DATABASE}-151`, 'is not a position'],
    [`${DATABASE}-${'1'.repeat(21)}`, 'is not a position'],
    [`${DATABASE}-150.1`, 'is not a position'],
    [`${DATABASE}-150.1.`, 'is not a position'],
    [`${DATABASE}-150..a`, 'is not a position'],
    [`${DATABASE}-150.1.A`, 'is not a position'],
    [`${DATABASE}-150.${'1'.repeat(16)}.a`, 'is not a position'],
    ['0ddba11f-150', 'is a position of another database'],
  ])('is refused after %j', async (position, message) => {
    const { positions, echoes } = await createPositions();
    const reach = () => positions.reach(position);
    expect(reach).toThrow(message);
    expect(reach).toThrow(expect.objectContaining({ code: 'BAD_USER_INPUT', field: 'readAfter' }));
    expect(echoes()).toBe(1);
  });
});
