import type { Database } from '../../src/database/database.ts';
import { ValuesRow } from '../../src/database/read/row-reader.ts';
import type { SimulatedDatabase } from './simulated-database.ts';
import { compileSql, type Execute } from './sql.ts';
import type { VirtualTime } from './virtual-time.ts';

/** A statement found no database, or had no answer in time. */
export class OutageError extends Error {
  override readonly name = 'OutageError';
}

/** The state of the whole database server. */
export class Reachability {
  downUntilMs = 0;
  frozenUntilMs = 0;
  /** When the last outage began that is over or lasts. */
  lastOutageAtMs = Number.NEGATIVE_INFINITY;
}

export interface ConnectionOptions {
  readonly database: SimulatedDatabase;
  readonly reachability: Reachability;
  readonly time: VirtualTime;
  readonly latencyMs: () => number;
  /** Awaited before each answer; the simulation loses answers with it. */
  readonly beforeAnswer?: () => Promise<void>;
}

/** The deadline of the real one for reads. */
const READ_TIMEOUT_MS = 900;

const compiled = new Map<string, Execute>();

/** What collections use of the database: statements that take their time, fail and may overtake each other. */
export function connectTo(options: ConnectionOptions): Database {
  const { time } = options;

  function run(text: string, values: readonly unknown[]): Promise<readonly (readonly unknown[])[]> {
    let execute = compiled.get(text);
    if (!execute) {
      execute = compileSql(text);
      compiled.set(text, execute);
    }
    const { promise, resolve, reject } = Promise.withResolvers<readonly (readonly unknown[])[]>();
    const cancel = time.after(READ_TIMEOUT_MS, () => reject(new OutageError('The answer takes too long.')));
    ask(options, execute, values).finally(cancel).then(resolve, reject);
    return promise;
  }

  const database: Pick<Database, 'query' | 'readRows'> = {
    async query<Row>(_name: string, text: string, values: readonly unknown[]) {
      const names = namesIn(text);
      const rows = await run(text, values);
      return rows.map((row) => Object.fromEntries(names.map((name, index) => [name, row[index]])) as Row);
    },
    async readRows({ text, values, read }) {
      const row = new ValuesRow();
      return (await run(text, values)).map((found) => {
        row.begin(found);
        return read(row);
      });
    },
  };
  return database as Database;
}

async function ask(
  { database, reachability, time, latencyMs, beforeAnswer }: ConnectionOptions,
  execute: Execute,
  values: readonly unknown[],
): Promise<readonly (readonly unknown[])[]> {
  await time.sleep(latencyMs());
  if (reachability.frozenUntilMs > time.now()) await time.sleep(reachability.frozenUntilMs - time.now());
  if (reachability.downUntilMs > time.now()) throw new OutageError('The database is away.');
  const rows = execute(database, values);
  await time.sleep(latencyMs());
  await beforeAnswer?.();
  return rows;
}

function namesIn(text: string): readonly string[] {
  if (text.startsWith('select t.id')) return ['id'];
  if (text.startsWith('with matching')) return ['summary'];
  return text.startsWith('select count') ? ['count'] : ['id', 'count'];
}
