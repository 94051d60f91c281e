import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { parseArgs } from 'node:util';
import { Client, Pool } from 'pg';
import { withFleet } from './database.ts';
import { median } from './median.ts';

/** The share of the time for which the event loop of the writers may be busy. */
const MAX_BUSY = 0.9;

const USAGE = `Measures what the announcements cost writers: commits per second without triggers ("off"), with one that only
notifies of the transaction ("notify"), with those that count versions and announce ("on"), and with the one that counts while
an instance decodes the log ("logical"). What "notify" costs is the lock under which PostgreSQL commits transactions that
notify. "logical" needs a server with wal_level = logical, and is left out on others.

  npm run bench:feed -- [--seconds 3] [--rounds 3]

A row fails if this process, which writes and listens, was busy for more than ${100 * MAX_BUSY} % of the time: then it was measured
instead of PostgreSQL. It creates a database on the PostgreSQL of DATABASE_URL, and drops it at the end.`;

const WORKSTATIONS = 10_000;
const BATCH = 100;

/** The statement that a client repeats; each execution is one commit. */
const WRITES = {
  'one row': { rows: 1, text: 'update workstation set cpu_usage = $2 where id = any($1::uuid[])' },
  [`${BATCH} rows`]: { rows: BATCH, text: 'update workstation set cpu_usage = $2 where id = any($1::uuid[])' },
};

const ONLY_NOTIFY = `
  create function only_notify() returns trigger language plpgsql as $$
  begin
    perform pg_notify('stationmaster_changes', pg_current_xact_id()::text);
    return null;
  end $$;
  create trigger only_notify after update on workstation for each statement execute function only_notify()`;

const TRIGGERS = {
  off: 'disable trigger user, replica identity default',
  notify: 'disable trigger user, enable trigger only_notify, replica identity default',
  on: 'enable trigger user, disable trigger only_notify, replica identity default',
  logical: 'disable trigger user, enable trigger workstation_count_version, replica identity full',
};

type Setting = keyof typeof TRIGGERS;

async function run(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '3' },
      rounds: { type: 'string', default: '3' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return console.log(USAGE);
  await withFleet(WORKSTATIONS, async ({ url, ids }) => {
    const pool = new Pool({ connectionString: url, max: 40 });
    // Its last connections may still be closing while the database is dropped.
    pool.on('error', () => {});
    const listener = new Client({ connectionString: url });
    await listener.connect();
    await listener.query('listen stationmaster_changes');
    let heardBytes = 0;
    listener.on('notification', ({ payload }) => {
      heardBytes += payload!.length;
    });
    await listener.query(ONLY_NOTIFY);
    const { rows: levels } = await listener.query('show wal_level');
    const isDecoded = levels[0].wal_level === 'logical';
    const settings = (Object.keys(TRIGGERS) as Setting[]).filter((setting) => setting !== 'logical' || isDecoded);
    const columns = [
      ...['write', 'clients', ...settings.map((setting) => `${setting}/s`)],
      ...settings.slice(1).map((setting) => `${setting}/off`),
      ...['rows/s on', 'announced bytes/row', 'busy'],
    ];
    console.log(columns.join(' | '));
    console.log(columns.map((column) => (column === 'write' ? '-----' : '----:')).join(' | '));
    for (const [name, { rows, text }] of Object.entries(WRITES)) {
      for (const clients of [1, 8, 32]) {
        const measured: Record<Setting, Figures[]> = { off: [], notify: [], on: [], logical: [] };
        // In turns, so that a slow minute of the machine affects every setting.
        for (let round = 0; round < Number(values.rounds); round++) {
          for (const setting of settings) {
            await pool.query(`alter table workstation ${TRIGGERS[setting]}`);
            const decoder = setting === 'logical' ? await startDecoder(url) : null;
            heardBytes = 0;
            const figures = await write(pool, { ids, rows, text, clients, seconds: Number(values.seconds) });
            // The answer to this query arrives after all earlier notifications.
            await listener.query('select 1');
            await decoder?.stop();
            measured[setting].push({ ...figures, bytesPerRow: heardBytes / (figures.commits * rows) });
          }
        }
        console.log([name, clients, ...describe(measured, settings, rows)].join(' | '));
      }
    }
    await listener.end();
    await pool.end();
  });
}

/**
 * An instance that decodes the log, in a process of its own: the writers must not wait for its work.
 * It ends with its standard input.
 */
async function startDecoder(url: string): Promise<{ stop(): Promise<void> }> {
  const program = `
    import { createLogicalSource } from '${new URL('../dist/src/changes/index.js', import.meta.url).href}';
    const source = createLogicalSource({ connectionString: ${JSON.stringify(url)}, tables: ['workstation', 'manager'] });
    await source.start({ onUp: () => console.log('up'), onDown: (reason) => console.error(reason), onPayload: JSON.parse });
    process.stdin.resume().on('end', () => source.close());`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  await Promise.race([once(child.stdout, 'data'), exited]);
  return {
    async stop() {
      child.stdin.end();
      await exited;
    },
  };
}

function describe(
  measured: Readonly<Record<Setting, readonly Figures[]>>,
  settings: readonly Setting[],
  rows: number,
): (string | number)[] {
  const of = (setting: Setting, figure: keyof Figures) => median(measured[setting].map((figures) => figures[figure]));
  const rates = settings.map((setting) => of(setting, 'perSecond'));
  const busy = Math.max(...settings.map((setting) => of(setting, 'busy')));
  const isFailed = busy > MAX_BUSY;
  if (isFailed) process.exitCode = 1;
  return [
    ...rates.map(Math.round),
    ...rates.slice(1).map((rate) => (rate / rates[0]!).toFixed(2)),
    ...[of('on', 'perSecond') * rows, of('on', 'bytesPerRow')].map(Math.round),
    `${Math.round(100 * busy)} %${isFailed ? ': FAILED, the writers were the limit' : ''}`,
  ];
}

interface Load {
  readonly ids: readonly string[];
  readonly rows: number;
  readonly text: string;
  readonly clients: number;
  readonly seconds: number;
}

interface Figures {
  readonly commits: number;
  readonly perSecond: number;
  /** The share of the time in which this process had work to do. */
  readonly busy: number;
  readonly bytesPerRow: number;
}

/** Lets each client write to its own rows for `seconds`. */
async function write(pool: Pool, { ids, rows, text, clients, seconds }: Load): Promise<Omit<Figures, 'bytesPerRow'>> {
  const atStart = performance.eventLoopUtilization();
  const startMs = performance.now();
  const untilMs = startMs + seconds * 1000;
  const share = Math.floor(ids.length / clients);
  const counts = await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      const connection = await pool.connect();
      let commits = 0;
      while (performance.now() < untilMs) {
        const start = client * share + ((commits * rows) % (share - rows));
        await connection.query({
          name: `write-${rows}`,
          text,
          values: [ids.slice(start, start + rows), commits % 100],
        });
        commits++;
      }
      connection.release();
      return commits;
    }),
  );
  const commits = counts.reduce((sum, count) => sum + count, 0);
  const perSecond = (commits * 1000) / (performance.now() - startMs);
  return { commits, perSecond, busy: performance.eventLoopUtilization(atStart).utilization };
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
