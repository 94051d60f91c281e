import { parseArgs } from 'node:util';
import { Client, Pool } from 'pg';
import { withFleet } from './database.ts';
import { median } from './median.ts';

const USAGE = `Measures what the announcements cost writers: commits per second with the triggers on and off.

  npm run bench:feed -- [--seconds 3] [--rounds 3]

It creates a database on the PostgreSQL of DATABASE_URL, and drops it at the end.`;

const WORKSTATIONS = 10_000;
const BATCH = 100;

/** The statement that a client repeats; each execution is one commit. */
const WRITES = {
  'one row': { rows: 1, text: 'update workstation set cpu_usage = $2 where id = any($1::uuid[])' },
  [`${BATCH} rows`]: { rows: BATCH, text: 'update workstation set cpu_usage = $2 where id = any($1::uuid[])' },
};

const TRIGGERS = {
  off: 'disable trigger user',
  on: 'enable trigger user',
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
    console.log('write | clients | commits/s off | commits/s on | on/off | rows/s on | announced bytes/row');
    console.log('----- | ------: | ------------: | -----------: | -----: | --------: | ------------------:');
    for (const [name, { rows, text }] of Object.entries(WRITES)) {
      for (const clients of [1, 8, 32]) {
        const perSecond: Record<Setting, number[]> = { off: [], on: [] };
        let bytesPerRow = 0;
        // In turns, so that a slow minute of the machine affects both settings.
        for (let round = 0; round < Number(values.rounds); round++) {
          for (const setting of ['off', 'on'] as const) {
            await pool.query(`alter table workstation ${TRIGGERS[setting]}`);
            heardBytes = 0;
            const commits = await write(pool, { ids, rows, text, clients, seconds: Number(values.seconds) });
            perSecond[setting].push(commits / Number(values.seconds));
            // The answer to this query arrives after all earlier notifications.
            await listener.query('select 1');
            if (setting === 'on') bytesPerRow = heardBytes / (commits * rows);
          }
        }
        const [off, on] = [median(perSecond.off), median(perSecond.on)];
        const figures = [
          Math.round(off),
          Math.round(on),
          (on / off).toFixed(2),
          Math.round(on * rows),
          Math.round(bytesPerRow),
        ];
        console.log([name, clients, ...figures].join(' | '));
      }
    }
    await listener.end();
    await pool.end();
  });
}

interface Load {
  readonly ids: readonly string[];
  readonly rows: number;
  readonly text: string;
  readonly clients: number;
  readonly seconds: number;
}

/** Lets each client write to its own rows for `seconds`. Returns the number of commits. */
async function write(pool: Pool, { ids, rows, text, clients, seconds }: Load): Promise<number> {
  const untilMs = performance.now() + seconds * 1000;
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
  return counts.reduce((sum, count) => sum + count, 0);
}

run().catch((error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  process.exitCode = 1;
});
