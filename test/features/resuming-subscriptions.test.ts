import { announceSql } from '../../src/database/announce-sql.ts';
import { changeFeed, startTestApp, type TestApp, type TestSubscription } from '../support/test-app.ts';
import { expectRefusal } from './refusal.ts';

/* Subscribers that were cut off and go on where they were. */

const CHANGES = `subscription ($since: String, $ids: [ID!], $filter: WorkstationFilter) {
  workstationChanged(since: $since, ids: $ids, filter: $filter) { kind id position workstation { version } } }`;

interface Event {
  readonly kind: string;
  readonly id: string;
  readonly position: string;
  readonly workstation: { readonly version: number } | null;
}

let testApp: TestApp;
let ids: string[];
/** Of a workstation that is changed to see what arrives before it. */
let markerId: string;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 8 } });
  const rows = await testApp.sql<{ id: string }>('select id from workstation order by id');
  ids = rows.map(({ id }) => id);
  markerId = ids.pop()!;
});

afterAll(() => testApp.close());

const subscribe = (variables: Record<string, unknown> = {}) => testApp.subscribe(CHANGES, { variables });

async function next(subscription: TestSubscription): Promise<Event> {
  const { data, errors } = await subscription.next();
  expect(errors).toBeUndefined();
  return data!.workstationChanged;
}

async function take(subscription: TestSubscription, count: number): Promise<Event[]> {
  const events: Event[] = [];
  while (events.length < count) events.push(await next(subscription));
  return events;
}

/** The next events, up to that of the next change of the marker, which is made now at the latest. Ends the subscription. */
async function takeAll(subscription: TestSubscription): Promise<Event[]> {
  await mark();
  const events: Event[] = [];
  for (;;) {
    const event = await next(subscription);
    if (event.id === markerId) break;
    events.push(event);
  }
  await subscription.stop();
  // Otherwise the next subscription could still receive the change of the marker.
  await testApp.waitUntilHeard();
  return events;
}

const mark = () => testApp.sql('update workstation set cpu_usage = 1 where id = $1', [markerId]);

const change = (...changed: string[]) =>
  testApp.sql('update workstation set cpu_usage = 2 where id = any($1::uuid[])', [changed]);

/** The position of a change that is made now. */
async function positionNow(): Promise<string> {
  const subscription = await subscribe();
  await mark();
  const { position } = await next(subscription);
  await subscription.stop();
  return position;
}

describe('a subscription with `since`', () => {
  test('first receives exactly what came after that position, and then what comes', async () => {
    const since = await positionNow();
    const watcher = await subscribe();
    await change(ids[0]!);
    await change(ids[1]!, ids[2]!);
    await testApp.sql('delete from workstation where id = $1', [ids.pop()]);
    await testApp.waitUntilHeard();
    const resumed = await subscribe({ since });
    const missed = await take(resumed, 4);
    expect(missed.map(({ kind }) => kind)).toEqual(['UPDATED', 'UPDATED', 'UPDATED', 'DELETED']);
    await change(ids[3]!);
    expect([...missed, ...(await takeAll(resumed))]).toEqual(await takeAll(watcher));
  });

  test('goes on in the middle of a transaction, after any of its rows', async () => {
    const watcher = await subscribe();
    await testApp.sql('begin');
    await change(ids[0]!, ids[1]!, ids[2]!);
    await change(ids[2]!, ids[3]!);
    await testApp.sql(`update manager set name = 'between'`);
    await change(ids[0]!);
    await testApp.sql('commit');
    const all = await takeAll(watcher);
    expect(all).toHaveLength(6);
    expect(new Set(all.map(({ position }) => position)).size).toBe(6);
    for (const [index, { position }] of all.entries()) {
      expect(await takeAll(await subscribe({ since: position }))).toEqual(all.slice(index + 1));
    }
  });

  test('applies ids and filter to what was missed', async () => {
    const since = await positionNow();
    await testApp.sql(`update workstation set status = 'ERROR' where id = any($1::uuid[])`, [ids.slice(0, 3)]);
    await testApp.sql(`update workstation set status = 'ONLINE' where id = $1`, [ids[0]]);
    await testApp.waitUntilHeard();
    const filtered = await subscribe({ since, ids: [ids[0], ids[1]], filter: { status: ['ERROR'] } });
    const events = (await take(filtered, 3)).map(({ kind, id }) => [kind, id]);
    expect(events.slice(0, 2)).toEqual(expect.arrayContaining([0, 1].map((index) => ['ENTERED', ids[index]])));
    expect(events[2]).toEqual(['LEFT', ids[0]]);
    await filtered.stop();
  });

  test('goes on after the position of a mutation', async () => {
    const rename = 'mutation ($id: ID!) { updateWorkstation(id: $id, input: { operatingSystem: "y" }) { version } }';
    const { extensions } = await testApp.ask(rename, { variables: { id: ids[0] } });
    await change(ids[1]!);
    const events = await takeAll(await subscribe({ since: extensions!.position }));
    expect(events.map(({ id }) => id)).toEqual([ids[1]]);
  });

  test('gives positions that a read can ask for', async () => {
    const { errors } = await testApp.ask('{ managers { totalCount } }', { readAfter: await positionNow() });
    expect(errors).toBeUndefined();
  });

  test('receives REFETCH in the place of a TRUNCATE, and goes on behind it', async () => {
    const since = await positionNow();
    await testApp.sql('begin');
    await change(ids[0]!);
    await testApp.sql(
      `select ${announceSql(
        { changeFeed },
        "'stationmaster_changes'",
        `json_build_object('table', 'workstation', 'op', 'TRUNCATE',
          'xid', pg_current_xact_id()::text, 'isLast', true, 'rows', '[]'::json)::text`,
      )}`,
    );
    await change(ids[1]!);
    await testApp.sql('commit');
    const events = await takeAll(await subscribe({ since }));
    expect(events.map(({ kind }) => kind)).toEqual(['UPDATED', 'REFETCH', 'UPDATED']);
    expect(await takeAll(await subscribe({ since: events[1]!.position }))).toEqual(events.slice(2));
  });

  test('renders what several have missed once', async () => {
    const since = await positionNow();
    await change(...ids);
    await testApp.waitUntilHeard();
    const document = `subscription ($since: String) {
      workstationChanged(since: $since) { id workstation { manager { name workstations(first: 3) { nodes { id } } } } } }`;
    const socket = await testApp.connect('VIEWER');
    const statements = await testApp.countStatements(async () => {
      const subscriptions = Array.from({ length: 20 }, () => socket.subscribe(document, { since }));
      for (const each of subscriptions) {
        for (const _id of ids) expect((await each.next()).errors).toBeUndefined();
      }
    });
    expect(statements).toBeLessThanOrEqual(2);
    await socket.close();
  });
});

describe('a position that is not known', () => {
  test.each([
    ['of another database', (position: string) => `0ddba11f${position.slice(8)}`],
    ['of a transaction that was not heard', (position: string) => position.replace(/-\d+/, '-1')],
    ['of a row that the transaction does not have', (position: string) => position.replace(/\.\d+\./, '.7.')],
    ['of another transaction with the same number', (position: string) => position.replace(/\w+$/, 'zz')],
    ['without a row, as older servers gave them', (position: string) => position.replace(/\..*/, '')],
    ['of a write that was not heard', (position: string) => position.replace(/-.*/, '-0')],
  ])('%s begins with one REFETCH, and goes on with what comes', async (_what, alter) => {
    const resumed = await subscribe({ since: alter(await positionNow()) });
    const refetch = await next(resumed);
    expect(refetch).toEqual({ kind: 'REFETCH', id: '*', position: expect.any(String), workstation: null });
    await change(ids[0]!);
    expect((await takeAll(resumed)).map(({ kind }) => kind)).toEqual(['UPDATED']);
    // The position of the REFETCH is known.
    const kinds = (await takeAll(await subscribe({ since: refetch.position }))).map(({ kind }) => kind);
    expect(kinds).toEqual(['UPDATED']);
  });

  test('of before a gap begins with one REFETCH, whose position serves from then on', async () => {
    const since = await positionNow();
    const watcher = await subscribe();
    testApp.app.feed.lose(new Error('The connection is lost.'));
    const { position, ...refetch } = await next(watcher);
    expect(refetch).toMatchObject({ kind: 'REFETCH', id: '*' });
    const [again, ...others] = await takeAll(await subscribe({ since }));
    expect([again, others]).toEqual([{ ...refetch, position }, []]);
    await change(ids[0]!);
    const resumed = await subscribe({ since: position });
    expect((await take(resumed, 2)).map(({ id }) => id)).toEqual([markerId, ids[0]]);
    await resumed.stop();
    await watcher.stop();
  });

  test.each([
    '',
    ' ',
    'yesterday',
    'da7aba5e',
    'da7aba5e-',
    'da7aba5e-1.',
    'da7aba5e-1.1',
    'da7aba5e-1.1.1.1',
    'da7aba5e-1.-1.a',
    'DA7ABA5E-1.1.a',
    ' da7aba5e-1.1.a',
    `da7aba5e-${'1'.repeat(21)}.1.a`,
  ])('is refused when it is none, such as %j, without SQL', async (since) => {
    const statements = await testApp.countStatements(async () => {
      const subscription = await subscribe({ since });
      expectRefusal((await subscription.next()) as any, 'BAD_USER_INPUT', 'since');
      await subscription.stop();
    });
    expect(statements).toBe(0);
  });
});
