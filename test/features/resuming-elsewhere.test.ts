import type { App } from '../../src/app.ts';
import { openSocket, type TestSocket } from '../../src/testing/test-socket.ts';
import { startInstance } from '../support/instance.ts';
import { engine, startTestApp, type TestApp } from '../support/test-app.ts';

/* Subscribers that go on at another instance than the one that they were cut off from. */

const CHANGES = `subscription ($since: String) {
  workstationChanged(since: $since) { kind id position workstation { operatingSystem } } }`;

// The embedded database has one instance only.
const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('with two instances', () => {
  let one: TestApp;
  let other: App;
  let ids: string[];
  const sockets: TestSocket[] = [];

  beforeAll(async () => {
    let databaseUrl = '';
    one = await startTestApp({
      fleet: { managers: 1, workstations: 3 },
      connectThrough: async (url) => {
        databaseUrl = url.href;
        return url;
      },
    });
    other = await startInstance({ DATABASE_URL: databaseUrl });
    const rows = await one.sql<{ id: string }>('select id from workstation order by id');
    ids = rows.map(({ id }) => id);
  });

  afterAll(async () => {
    for (const socket of sockets) await socket.close();
    await other.close();
    await one.close();
  });

  /** What a subscriber to one of the instances receives next. */
  async function next(url: string, since: string | null, count: number) {
    const socket = openSocket(url, await one.token('VIEWER'));
    sockets.push(socket);
    const subscription = socket.subscribe(CHANGES, { since });
    const events = [];
    while (events.length < count) events.push((await subscription.next()).data!.workstationChanged);
    return events;
  }

  const change = (text: string, ...changed: string[]) =>
    one.sql('update workstation set operating_system = $1 where id = any($2::uuid[])', [text, changed]);

  async function positionNow(): Promise<string> {
    const rename = 'mutation ($id: ID!) { updateWorkstation(id: $id, input: { operatingSystem: "now" }) { id } }';
    const { extensions } = await one.ask(rename, { variables: { id: ids[0] } });
    await other.feed.proveNow();
    return extensions!.position as string;
  }

  test('the positions of one are known to the other, in the middle of a transaction too', async () => {
    const since = await positionNow();
    await one.sql('begin');
    await change('a', ...ids);
    await change('b', ids[1]!);
    await one.sql('commit');
    await change('c', ids[2]!);
    await one.waitUntilHeard();
    await other.feed.proveNow();
    const events = await next(one.app.url, since, 5);
    expect(await next(other.url, since, 5)).toEqual(events);
    for (const [index, { position }] of events.slice(0, -1).entries()) {
      const rest = events.slice(index + 1);
      expect(await next(other.url, position, rest.length)).toEqual(rest);
      expect(await next(one.app.url, position, rest.length)).toEqual(rest);
    }
  });

  test('one that had a gap begins with REFETCH, and the other one goes on', async () => {
    const since = await positionNow();
    const live = Promise.withResolvers<void>();
    other.feed.follow({ onLive: () => live.resolve() });
    other.feed.lose(new Error('The connection is lost.'));
    await live.promise;
    await change('d', ids[1]!);
    await other.feed.proveNow();
    await one.waitUntilHeard();
    const event = { kind: 'UPDATED', id: ids[1], workstation: { operatingSystem: 'd' } };
    expect(await next(one.app.url, since, 1)).toMatchObject([event]);
    const [refetch] = await next(other.url, since, 1);
    expect(refetch).toMatchObject({ kind: 'REFETCH', id: '*' });
    await change('e', ids[1]!);
    // That one had heard of `d` when it told to read again.
    const [following] = await next(other.url, refetch.position, 1);
    expect(following).toMatchObject({ kind: 'UPDATED', workstation: { operatingSystem: 'e' } });
    // And its new positions are known to the one without a gap.
    await change('f', ids[1]!);
    expect(await next(one.app.url, following.position, 1)).toMatchObject([{ workstation: { operatingSystem: 'f' } }]);
  });
});
