import { startTestApp, type TestApp, type TestSubscription } from '../support/test-app.ts';
import { expectRefusal } from './refusal.ts';

/* Subscribers that look at some rows only. */

const CHANGES = `subscription ($filter: WorkstationFilter, $ids: [ID!]) {
  workstationChanged(filter: $filter, ids: $ids) { kind id workstation { name status } } }`;

let testApp: TestApp;
let made = 0;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 2, workstations: 3 } });
});

afterAll(() => testApp.close());

async function add(status = 'ONLINE'): Promise<string> {
  const [row] = await testApp.sql<{ id: string }>(
    `insert into workstation (name, hostname, ip_address, operating_system, status)
      values ($1, 'h', '10.0.0.1', 'x', $2) returning id`,
    [`FILTERED-${++made}`, status],
  );
  await testApp.waitUntilHeard();
  return row!.id;
}

const setStatus = (id: string, status: string) =>
  testApp.sql('update workstation set status = $2 where id = $1', [id, status]);

async function next(subscription: TestSubscription, name = 'workstationChanged') {
  const { data, errors } = await subscription.next();
  expect(errors).toBeUndefined();
  return data![name];
}

/** The kinds and ids of the next events, up to that of a row which is added now. */
async function eventsUntilNow(subscription: TestSubscription): Promise<[string, string][]> {
  const last = await add('ERROR');
  const events: [string, string][] = [];
  for (;;) {
    const { kind, id } = await next(subscription);
    if (id === last) return events;
    events.push([kind, id]);
  }
}

describe('workstationChanged with a filter', () => {
  test('tells which rows begin to fit and cease to fit, and shows them as they are then', async () => {
    const id = await add('OFFLINE');
    const errors = await testApp.subscribe(CHANGES, { variables: { filter: { status: ['ERROR', 'MAINTENANCE'] } } });
    for (const status of ['ONLINE', 'ERROR', 'MAINTENANCE', 'OFFLINE', 'ONLINE', 'ERROR']) await setStatus(id, status);
    const workstation = { name: `FILTERED-${made}` };
    expect(await next(errors)).toEqual({ kind: 'ENTERED', id, workstation: { ...workstation, status: 'ERROR' } });
    expect(await next(errors)).toEqual({ kind: 'UPDATED', id, workstation: { ...workstation, status: 'MAINTENANCE' } });
    expect(await next(errors)).toEqual({ kind: 'LEFT', id, workstation: { ...workstation, status: 'OFFLINE' } });
    expect(await next(errors)).toEqual({ kind: 'ENTERED', id, workstation: { ...workstation, status: 'ERROR' } });
    await errors.stop();
  });

  test('tells of rows that are added and removed, if they fit', async () => {
    const errors = await testApp.subscribe(CHANGES, { variables: { filter: { status: ['ERROR'] } } });
    const [fitting, other] = [await add('ERROR'), await add('ONLINE')];
    await testApp.sql('delete from workstation where id = $1', [other]);
    await testApp.sql('delete from workstation where id = $1', [fitting]);
    expect(await eventsUntilNow(errors)).toEqual([
      ['CREATED', fitting],
      ['DELETED', fitting],
    ]);
    await errors.stop();
  });

  test('and with ids tells of rows that fit both', async () => {
    const [wanted, other] = [await add(), await add()];
    const marker = { ids: [wanted], filter: { status: ['ERROR'] } };
    const changes = await testApp.subscribe(CHANGES, { variables: marker });
    for (const id of [other, wanted]) await setStatus(id, 'ERROR');
    await setStatus(wanted, 'ONLINE');
    await setStatus(wanted, 'MAINTENANCE');
    await setStatus(wanted, 'ERROR');
    const events = [await next(changes), await next(changes), await next(changes)];
    expect(events.map(({ kind, id }) => [kind, id])).toEqual([
      ['ENTERED', wanted],
      ['LEFT', wanted],
      ['ENTERED', wanted],
    ]);
    await changes.stop();
  });

  test('that restricts nothing tells of everything, as without one', async () => {
    const id = await add();
    for (const filter of [{}, { status: [] }, null]) {
      const changes = await testApp.subscribe(CHANGES, { variables: { filter } });
      await setStatus(id, 'ERROR');
      await setStatus(id, 'ONLINE');
      expect(await eventsUntilNow(changes)).toEqual([
        ['UPDATED', id],
        ['UPDATED', id],
      ]);
      await changes.stop();
    }
  });

  test('asks for everything to be fetched again when a row is too big to be judged', async () => {
    const id = await add('ERROR');
    const errors = await testApp.subscribe(CHANGES, { variables: { filter: { status: ['ERROR'] } } });
    await testApp.sql(`update workstation set operating_system = repeat('x', 9000) where id = $1`, [id]);
    expect(await next(errors)).toEqual({ kind: 'REFETCH', id: '*', workstation: null });
    await errors.stop();
  });

  test('is refused with the field at fault, without SQL', async () => {
    const subscription = await testApp.subscribe(CHANGES, { variables: { filter: { nameContains: 'x'.repeat(201) } } });
    expectRefusal((await subscription.next()) as any, 'BAD_USER_INPUT', 'filter.nameContains');
  });

  test('is executed once for all who ask the same', async () => {
    const id = await add('ONLINE');
    const one = await testApp.connect('VIEWER');
    const document = `subscription ($filter: WorkstationFilter) {
      workstationChanged(filter: $filter) { kind workstation { name manager { name } } } }`;
    const variables = { filter: { status: ['ERROR'] } };
    const subscriptions = [
      await testApp.subscribe(document, { variables }),
      await testApp.subscribe(document, { variables }),
    ];
    await testApp.sql('update workstation set manager_id = (select id from manager limit 1) where id = $1', [id]);
    await testApp.waitUntilHeard();
    const cleared = await testApp.ask('mutation { clearCache { entriesRemoved } }');
    expect(cleared.errors).toBeUndefined();
    const statements = await testApp.countStatements(async () => {
      await setStatus(id, 'ERROR');
      for (const each of subscriptions) expect(await next(each)).toMatchObject({ kind: 'ENTERED' });
    });
    expect(statements).toBe(1);
    for (const each of subscriptions) await each.stop();
    await one.close();
  });
});

describe('managerChanged', () => {
  const MANAGERS = `subscription ($ids: [ID!]) {
    managerChanged(ids: $ids) { kind id changedAt position manager { name email } } }`;
  const POSITION = expect.stringMatching(/^[0-9a-f]{8}-[1-9]\d*\.[1-9]\d*\.[0-9a-z]+$/);
  const TIME = expect.stringMatching(/^\d{4}-\d{2}-\d{2}T.*Z$/);

  test('reports every manager that is added, edited or removed, and nothing else', async () => {
    const changes = await testApp.subscribe(MANAGERS, { role: 'VIEWER' });
    await add();
    const { data } = await testApp.ask(
      'mutation { createManager(input: { name: "Ada", email: "ada@fleet.example" }) { id } }',
    );
    const { id } = data.createManager;
    await testApp.sql(`update manager set name = 'Ada L.' where id = $1`, [id]);
    await testApp.ask('mutation ($id: ID!) { deleteManager(id: $id) }', { variables: { id } });
    const event = { id, changedAt: TIME, position: POSITION };
    const email = 'ada@fleet.example';
    expect(await next(changes, 'managerChanged')).toEqual({
      ...event,
      kind: 'CREATED',
      manager: { name: 'Ada', email },
    });
    expect(await next(changes, 'managerChanged')).toEqual({
      ...event,
      kind: 'UPDATED',
      manager: { name: 'Ada L.', email },
    });
    expect(await next(changes, 'managerChanged')).toEqual({ ...event, kind: 'DELETED', manager: null });
    await changes.stop();
  });

  test('with ids reports only these managers', async () => {
    const rows = await testApp.sql<{ id: string }>('select id from manager order by id limit 2');
    const [wanted, other] = rows.map(({ id }) => id);
    const changes = await testApp.subscribe(MANAGERS, { variables: { ids: [wanted!.toUpperCase()] } });
    for (const id of [other, wanted]) await testApp.sql(`update manager set name = 'Eve' where id = $1`, [id]);
    expect(await next(changes, 'managerChanged')).toMatchObject({ kind: 'UPDATED', id: wanted });
    await changes.stop();
  });
});
