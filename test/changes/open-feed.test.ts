import { jest } from '@jest/globals';
import { openChangeFeed } from '../../src/changes/index.ts';
import type { Config } from '../../src/config/config.ts';
import { type Database, openDatabase } from '../../src/database/database.ts';
import { Lineage, lineageEnded } from '../../src/database/lineage.ts';
import { countListeners } from '../../src/database/listeners.ts';
import { migrate } from '../../src/database/migrate.ts';
import { entities, migrations } from '../../src/features/index.ts';
import { changeFeed, createEmbeddedDatabase, createServerDatabase, engine } from '../../src/testing/test-database.ts';
import {
  createCluster,
  DECODED,
  findPostgresqlPrograms,
  type PostgresqlCluster,
} from '../support/postgresql-cluster.ts';
import { refusal, startScriptedPostgresql } from './scripted-postgresql.ts';

/* The change feed as the application opens it, on a real database. */

type Options = Partial<Parameters<typeof openChangeFeed>[1]>;

interface Subject {
  readonly config: Config['database'];
  readonly database: Database;
}

const ENDED = lineageEnded().message;
/** A transaction that has not begun. */
const NOT_YET = String(2n ** 62n);
const insertManager = (email: string) => `insert into manager (name, email) values ('M', '${email}')`;
const closing: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** A feed that has not been started, and what it reports. */
function openFeed({ config, database }: Subject, options: Options = {}) {
  const refusals: string[] = [];
  const errors: unknown[] = [];
  const feed = openChangeFeed(config, {
    database,
    lineage: new Lineage(database, async () => {}),
    onRefusal: (message) => refusals.push(message),
    onError: (error) => errors.push(error),
    // The machine may be busy.
    patience: 10,
    ...options,
  });
  closing.push(() => feed.close());
  return { feed, refusals, errors };
}

/** Starts a feed that is impatient, so that it may need several attempts on a busy machine. */
async function startUntilLive(feed: ReturnType<typeof openChangeFeed>): Promise<void> {
  const isLive = new Promise<void>((resolve) => feed.follow({ onLive: resolve }));
  await feed.start();
  await isLive;
}

async function openMigrated(
  config: Config['database'],
  options: Pick<Parameters<typeof openDatabase>[1], 'pglite'> = {},
) {
  const database = await openDatabase(config, { entities, migrations, ...options });
  await migrate(database);
  return database;
}

async function onEmbedded(): Promise<Subject & { dispose(): Promise<void> }> {
  const { pglite, dispose } = await createEmbeddedDatabase();
  const config = { kind: 'pglite', dataDir: '' } as const;
  const database = await openMigrated(config, { pglite });
  return { config, database, dispose: () => database.close().then(dispose) };
}

async function onServer(): Promise<Subject & { dispose(): Promise<void> }> {
  const { url, dispose } = await createServerDatabase();
  const config = { kind: 'postgresql', url, poolSize: 2, changeFeed: 'notify' } as const;
  const database = await openMigrated(config);
  return { config, database, dispose: () => database.close().then(dispose) };
}

/** The xid of a change that nobody waits for. */
async function commit({ database }: Subject, statement: string): Promise<string> {
  const returning = `${statement} returning pg_current_xact_id()::text as xid`;
  return (await database.execute<{ xid: string }>('', returning, []))[0]!.xid;
}

function describeFeed(kind: string, open: () => Promise<Subject & { dispose(): Promise<void> }>): void {
  describe(`the feed of ${kind}`, () => {
    let subject: Awaited<ReturnType<typeof open>>;
    let emails = 0;
    const newManager = () => insertManager(`m${emails++}@fleet.example`);

    beforeAll(async () => {
      subject = await open();
    });

    afterAll(() => subject?.dispose());

    test('is live once it has started, and tells of what is committed', async () => {
      const { feed, refusals, errors } = openFeed(subject);
      const heard = new Promise((resolve) => feed.follow({ onChanges: resolve }));
      await feed.start();
      expect([feed.state, feed.gaps]).toEqual(['live', 0]);
      await commit(subject, newManager());
      expect(await heard).toMatchObject([{ table: 'manager', op: 'INSERT', new: { name: 'M' } }]);
      expect([refusals, errors]).toEqual([[], []]);
    });

    test('has heard what was committed before a proof, once that is there', async () => {
      const { feed } = openFeed(subject);
      await feed.start();
      const xid = await commit(subject, newManager());
      await feed.proveNow();
      expect(feed.hasHeard(xid)).toBe(true);
    });

    test('exchanges messages with the instances of its schema, and with no others', async () => {
      const [one, other] = [openFeed(subject), openFeed(subject)];
      const received: unknown[] = [];
      const heard = new Promise<void>((resolve) => {
        other.feed.follow({
          onCommand: (command) => {
            received.push(command);
            resolve();
          },
        });
      });
      await one.feed.start();
      await other.feed.start();
      const command = { command: 'invalidateCache', from: 'one' } as const;
      const foreign = JSON.stringify({ ...command, pattern: 'theirs', schema: 'theirs' });
      await subject.database.execute('', "select pg_notify('stationmaster_changes', $1)", [foreign]);
      await one.feed.send({ ...command, pattern: 'ours' });
      await heard;
      expect(received).toMatchObject([{ pattern: 'ours' }]);
    });

    test('is lost as soon as a proof shows that writers find other tables', async () => {
      const { feed, refusals } = openFeed(subject);
      await feed.start();
      const lost = new Promise<void>((resolve) => feed.follow({ onGap: resolve }));
      await subject.database.execute('', `alter table manager add column extra_${emails++} int`, []);
      const proof = feed.proveNow();
      await lost;
      await proof;
      expect([feed.gaps, refusals[0]]).toEqual([1, ENDED]);
    });

    test('is not live where changes are not announced, and tells the operator why', async () => {
      const { feed, refusals, errors } = openFeed(subject);
      await subject.database.execute('', 'alter table manager disable trigger all', []);
      await feed.start().catch((error) => refusals.push(error.message));
      expect(feed.state).toBe('connecting');
      expect([refusals, errors]).toEqual([[expect.stringMatching(/^Changes of manager are not announced/)], []]);
      await subject.database.execute('', 'alter table manager enable trigger all', []);
    });

    test('tells of an error that no operator can change as of any other', async () => {
      const { feed, refusals, errors } = openFeed(subject);
      await feed.start();
      await subject.database.execute('', "select pg_notify('stationmaster_changes', 'nonsense')", []);
      await feed.proveNow();
      expect([refusals, errors]).toEqual([[], [expect.any(Error)]]);
    });
  });
}

describeFeed('the embedded database', onEmbedded);

// With decoding, the triggers of the template are off.
const describeOnServers = engine === 'postgresql' && changeFeed === 'notify' ? describe : describe.skip;

describeOnServers('on PostgreSQL', () => {
  describeFeed('a server', onServer);

  let subject: Awaited<ReturnType<typeof onServer>>;

  beforeAll(async () => {
    subject = await onServer();
  });

  afterAll(() => subject?.dispose());

  test('the feed counts as one listener of the database, until it is closed', async () => {
    const { feed } = openFeed(subject);
    await feed.start();
    expect(await countListeners(subject.database)).toBe(1);
    await feed.close();
    while ((await countListeners(subject.database)) > 0);
  });

  test('echoes of one instance are not heard by another', async () => {
    const [one, other] = [openFeed(subject), openFeed(subject)];
    await one.feed.start();
    await other.feed.start();
    const xid = await commit(subject, insertManager('unheard@fleet.example'));
    // It ended without an announcement, so that only an echo tells of it.
    const [silent] = await subject.database.execute<{ xid: string }>(
      '',
      'select pg_current_xact_id()::text as xid',
      [],
    );
    await one.feed.proveNow();
    expect(one.feed.hasHeard(xid)).toBe(true);
    expect([one.feed.hasHeard(silent!.xid), other.feed.hasHeard(silent!.xid)]).toEqual([true, false]);
  });

  test('the feed is lost when connections of the pool lead to another server than before', async () => {
    const { feed, refusals } = openFeed(subject);
    await feed.start();
    subject.database.servers.observe('another');
    expect([feed.gaps, refusals]).toEqual([1, [ENDED]]);
  });

  test('the feed leads the pool to the server that it has found itself', async () => {
    const { feed, refusals } = openFeed(subject);
    subject.database.servers.adopt('the one before');
    await feed.start();
    await subject.database.query('', 'select 1', []);
    expect([feed.state, feed.gaps, refusals]).toEqual(['live', 0, []]);
  });

  test('an announcement that does not come is waited for as long as the patience allows', async () => {
    const { feed, errors } = openFeed(subject, { patience: 0.01 });
    await startUntilLive(feed);
    await feed.waitUntilApplied(NOT_YET, 'statement');
    expect(feed.gaps).toBeGreaterThan(0);
    expect(errors).toContainEqual(new Error('A committed change was not announced in time.'));
  });

  test('a path that swallows the echoes is told to the operator when the patience is over', async () => {
    const runIfWriterIsFree = async () => true;
    const deaf = { ...subject, database: { ...subject.database, runIfWriterIsFree } };
    const { feed, refusals } = openFeed(deaf, { patience: 0.01 });
    await feed.start();
    expect([feed.state, refusals]).toEqual([
      'connecting',
      [expect.stringMatching(/^The connection to the database does not deliver notifications/)],
    ]);
  });

  test('echoes go on while the feed is live, so that a path that falls silent is noticed', async () => {
    let isSilent = false;
    const runIfWriterIsFree: Database['runIfWriterIsFree'] = async (...statement) =>
      isSilent || subject.database.runIfWriterIsFree(...statement);
    const { feed } = openFeed({ ...subject, database: { ...subject.database, runIfWriterIsFree } }, { patience: 0.01 });
    const lost = new Promise<void>((resolve) => feed.follow({ onGap: resolve }));
    await startUntilLive(feed);
    isSilent = true;
    await lost;
    expect(feed.reason).toMatch(/^The connection to the database does not deliver notifications/);
  });

  test('the connection that listens sends the echoes while no writer is free', async () => {
    const runIfWriterIsFree = async () => false;
    const { feed } = openFeed({ ...subject, database: { ...subject.database, runIfWriterIsFree } });
    await feed.start();
    await feed.proveNow();
    expect([feed.state, feed.gaps]).toEqual(['live', 0]);
  });

  test('a writer that is free sends the echoes', async () => {
    const runIfWriterIsFree = jest.fn(subject.database.runIfWriterIsFree);
    const { feed } = openFeed({ ...subject, database: { ...subject.database, runIfWriterIsFree } });
    await feed.start();
    expect(await runIfWriterIsFree.mock.results[0]!.value).toBe(true);
  });

  test('room is made for the feed where the server grants no more connections', async () => {
    const full = await startScriptedPostgresql(
      ({ socket }) => void socket.write(refusal('53300', 'too many connections')),
    );
    closing.push(full.close);
    const makeRoom = jest.fn(async () => {});
    const config = { ...(subject.config as { url: string; poolSize: number }), url: full.connectionString };
    const { feed, errors } = openFeed({
      config: { ...config, kind: 'postgresql', changeFeed: 'notify' },
      database: { ...subject.database, makeRoom },
    });
    await feed.start();
    expect([makeRoom.mock.calls.length, errors]).toEqual([1, [expect.objectContaining({ code: '53300' })]]);
  });
});

const programs = engine === 'postgresql' ? await findPostgresqlPrograms() : null;
const describeWithPrograms = programs ? describe : describe.skip;

describeWithPrograms('on a PostgreSQL whose log is decoded', () => {
  let cluster: PostgresqlCluster;
  let subject: Subject;

  beforeAll(async () => {
    cluster = await createCluster(programs!, DECODED);
    const config = { kind: 'postgresql', url: cluster.url, poolSize: 2, changeFeed: 'logical' } as const;
    subject = { config, database: await openMigrated(config) };
    await subject.database.execute('', 'select stationmaster_notify_changes(false)', []);
  });

  afterAll(async () => {
    await subject?.database.close();
    await cluster?.destroy();
  });

  test('the feed tells of what is committed without a trigger', async () => {
    const { feed, refusals, errors } = openFeed(subject);
    const heard = new Promise((resolve) => feed.follow({ onChanges: resolve }));
    await feed.start();
    expect(feed.state).toBe('live');
    await commit(subject, insertManager('decoded@fleet.example'));
    expect(await heard).toMatchObject([{ table: 'manager', op: 'INSERT' }]);
    expect([refusals, errors]).toEqual([[], []]);
  });

  test('an echo that is decoded too late is told to the operator as such', async () => {
    const runIfWriterIsFree = async () => true;
    const slow = { ...subject, database: { ...subject.database, runIfWriterIsFree } };
    const { feed, refusals } = openFeed(slow, { patience: 0.01 });
    await feed.start();
    expect([feed.state, refusals]).toEqual([
      'connecting',
      [expect.stringMatching(/^The log of the database is not decoded in time/)],
    ]);
  });
});
