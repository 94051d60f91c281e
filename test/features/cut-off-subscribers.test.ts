import { setImmediate } from 'node:timers/promises';
import { createRandom, type Random } from '../coherence/random.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/* A subscriber that is cut off again and again while changes flow. */

const CHANGES = `subscription ($since: String) {
  workstationChanged(since: $since) { kind id position workstation { operatingSystem } } }`;

const CHANGED_ROWS = 10_000;
const CUTS = 100;
/** How far the changes may be ahead of the subscriber: less than what makes the server leave some out for it. */
const FURTHEST_AHEAD = 2_000;
/** In turns of the event loop. */
const PATIENCE = 1_000_000;

let testApp: TestApp;
let ids: string[];

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 60 } });
  const rows = await testApp.sql<{ id: string }>('select id from workstation order by id');
  ids = rows.map(({ id }) => id);
});

afterAll(() => testApp.close());

/** A change: the statement that made it, and the row. */
type Seen = readonly [statement: number, id: string];

/** Changes rows, some or many in a statement, and some statements in a transaction. */
async function makeChanges(random: Random, ahead: (made: number) => number): Promise<Seen[]> {
  const made: Seen[] = [];
  for (let statement = 0; made.length < CHANGED_ROWS; statement++) {
    const limit = random.whole(0, FURTHEST_AHEAD);
    for (let turns = 0; ahead(made.length) > limit; turns++) {
      if (turns === PATIENCE) throw new Error('The subscriber receives nothing more.');
      await setImmediate();
    }
    const isTogether = random.chance(0.2);
    if (isTogether) await testApp.sql('begin');
    for (let left = isTogether ? 3 : 1; left > 0; left--) {
      const changed = random.shuffle(ids).slice(0, random.pickSkewed([1, 2, 10, 60]));
      const edit = 'update workstation set operating_system = $1 where id = any($2::uuid[])';
      await testApp.sql(edit, [String(statement), changed]);
      made.push(...changed.map((id): Seen => [statement, id]));
      if (left > 1) statement += 1;
    }
    if (isTogether) await testApp.sql('commit');
  }
  return made;
}

/** One row after the other, in an order that does not depend on the order within a statement. */
const sorted = (changes: readonly Seen[]) =>
  [...changes].sort(([one, a], [other, b]) => one - other || (a < b ? -1 : 1)).map((change) => change.join(' '));

/** Follows the changes up to one that says `end`, cut off `CUTS` times at random. */
async function follow(random: Random, start: string, seen: Seen[]): Promise<{ kinds: Set<string>; cuts: number }> {
  const kinds = new Set<string>();
  let since = start;
  for (let cuts = 0; ; cuts++) {
    const socket = await testApp.connect();
    const { next } = socket.subscribe(CHANGES, { since });
    // Some are cut off before the first event arrives.
    const length = cuts < CUTS ? random.whole(0, (1.8 * CHANGED_ROWS) / CUTS) : Number.POSITIVE_INFINITY;
    for (let received = 0; received < length; received++) {
      const { kind, id, position, workstation } = (await next()).data!.workstationChanged;
      if (workstation.operatingSystem === 'end') return { kinds, cuts };
      kinds.add(kind);
      seen.push([Number(workstation.operatingSystem), id]);
      since = position;
    }
    socket.client.terminate();
  }
}

test.each([1, 2])('none is missed and none is seen twice (seed %i)', async (seed) => {
  const random = createRandom(seed);
  const seen: Seen[] = [];
  let failure: Error | undefined;
  const following = follow(random.fork('cuts'), await positionNow(), seen);
  following.catch((error) => {
    failure = error;
  });
  const made = await makeChanges(random.fork('changes'), (count) => {
    if (failure) throw failure;
    return count - seen.length;
  });
  await testApp.sql(`update workstation set operating_system = 'end' where id = $1`, [ids[0]]);
  const { kinds, cuts } = await following;
  expect([...kinds]).toEqual(['UPDATED']);
  // In the order of the commits, whatever the order within a statement.
  expect(seen.map(([statement]) => statement)).toEqual(made.map(([statement]) => statement));
  expect(sorted(seen)).toEqual(sorted(made));
  expect(cuts).toBe(CUTS);
});

/** Where what is changed from now on comes after. */
async function positionNow(): Promise<string> {
  const { extensions } = await testApp.ask('mutation { clearCache { entriesRemoved } }');
  return extensions!.position as string;
}
