import { ChangeFeed } from '../../src/changes/index.ts';
import { Lineage, lineageEnded } from '../../src/database/lineage.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { createFakeSource } from './fake-source.ts';

const ENDED = lineageEnded().message;

describe('a feed', () => {
  async function createFeed() {
    const fake = createFakeSource();
    const received: string[] = [];
    const isForeign = ({ relid, facts }: { relid?: number; facts?: string }) => relid === 8 || facts === 'other';
    const feed = new ChangeFeed({ source: fake.source, isForeign, echo: { isRepeated: true, send: async () => {} } });
    feed.follow({
      onChanges: () => received.push('changes'),
      onTruncate: () => received.push('truncation'),
      onGap: () => received.push('gap'),
    });
    await feed.start();
    fake.up();
    fake.say({ echo: '1', snapshot: '1:1:', facts: 'ours' });
    return { feed, fake, received };
  }

  const announcement = (relid: number) => ({
    table: 'manager',
    schema: 'public',
    relid,
    xid: '7',
    isLast: true,
    rows: [],
  });

  test('is in a gap before the writer of a table that was replaced is answered', async () => {
    const { feed, fake, received } = await createFeed();
    const applied = feed.waitUntilApplied('7', 'statement').then(() => received.push('answered'));
    fake.say({ ...announcement(8), op: 'UPDATE' });
    await applied;
    expect([received, feed.reason, fake.restarts]).toEqual([['gap', 'answered'], ENDED, [new Error(ENDED)]]);
  });

  test.each([
    ['a truncation of a table that was replaced', { ...announcement(8), op: 'TRUNCATE' }],
    ['a restore', { restored: true }],
  ])('hears of %s as of a gap', async (_what, message) => {
    const { fake, received } = await createFeed();
    fake.say({ ...announcement(7), op: 'TRUNCATE' });
    fake.say(message);
    expect(received).toEqual(['truncation', 'gap']);
  });

  test('is not live where writers find other tables than it does', async () => {
    const { feed, fake } = await createFeed();
    fake.down();
    fake.up();
    fake.say({ echo: '2', snapshot: '1:1:', facts: 'other' });
    expect([feed.state, feed.reason]).toEqual(['gap', ENDED]);
  });
});

describe('a lineage', () => {
  let testApp: TestApp;
  let lineage: Lineage;
  const query = async (text: string, values: unknown[] = []) => ({ rows: await testApp.sql(text, values) });

  beforeAll(async () => {
    testApp = await startTestApp();
  });

  beforeEach(async () => {
    lineage = new Lineage(testApp.app.database, async () => {});
    await lineage.accept(query);
  });

  afterAll(() => testApp.close());

  test('goes on while rows come and go, tables are vacuumed and indexes are made', async () => {
    const { id } = lineage;
    await testApp.sql(`insert into manager (name, email) values ('Ada', 'ada@example.com')`);
    await testApp.sql('vacuum full analyze manager');
    await testApp.sql('create index by_hand on manager (name)');
    await testApp.sql('truncate manager cascade');
    await lineage.confirm(query);
    await lineage.accept(query);
    expect(lineage.id).toBe(id);
  });

  test('has the same name for everyone, and no name before it was looked at', async () => {
    const other = new Lineage(testApp.app.database, async () => {});
    expect(other.id).toBe('');
    await other.accept(query);
    expect(other.id).toBe(lineage.id);
  });

  test.each([
    [
      'a trigger was disabled and enabled',
      ['alter table manager disable trigger all', 'alter table manager enable trigger all'],
    ],
    ['a function was replaced', ['alter function stationmaster_count_version() cost 99']],
    [
      'a table was made anew',
      [
        'create table copy (like manager including all)',
        'drop table manager cascade',
        'alter table copy rename to manager',
        "select follow_table('manager')",
      ],
    ],
  ])('ends when %s, and another one begins', async (_what, statements) => {
    const { id } = lineage;
    const [{ relid }] = (await testApp.sql(`select 'manager'::regclass::oid::int8 as relid`)) as [{ relid: number }];
    for (const statement of statements) await testApp.sql(statement);
    await expect(lineage.confirm(query)).rejects.toThrow(ENDED);
    await lineage.accept(query);
    await lineage.confirm(query);
    expect(lineage.id).not.toBe(id);
    const [now] = (await testApp.sql(`select 'manager'::regclass::oid::int8 as relid`)) as [{ relid: number }];
    const isForeign = (schema: string) => lineage.isForeign({ table: 'manager', schema, relid: Number(relid) });
    expect([isForeign('public'), isForeign('other')]).toEqual([now.relid !== relid, false]);
    expect(lineage.isForeign({ table: 'manager', schema: 'public', relid: Number(now.relid) })).toBe(false);
    expect(lineage.isForeign({ table: 'of others', schema: 'public', relid: 1 })).toBe(false);
  });

  test('is not accepted where changes are not announced', async () => {
    await testApp.sql('alter table manager disable trigger all');
    await expect(lineage.accept(query)).rejects.toThrow(/^Changes of manager are not announced to the cache/);
    await testApp.sql('alter table manager enable trigger all');
    await lineage.accept(query);
  });
});
