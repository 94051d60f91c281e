import { afterPolling } from '../../database/read/after-polling.ts';

interface Identified {
  readonly id: string;
}

/** Reads the rows with these ids that exist, in any order. */
export type FindByIds<Row extends Identified> = (ids: readonly string[]) => Promise<readonly Row[]>;

interface Batch<Row> {
  readonly ids: Set<string>;
  readonly rows: Promise<ReadonlyMap<string, Row>>;
}

/** More than this in one statement would keep those who asked for one row waiting for those who asked for many. */
const MAX_GATHERED_IDS = 1000;

/**
 * Reads what is asked for in one turn of the event loop together, whichever operations it is for. A statement costs the
 * same round trip and the same system calls for one row as for a hundred, and more of this process than the row itself.
 *
 * It is sent after everybody in it has asked, so nobody is shown what was there before.
 */
export function batchAcrossRequests<Row extends Identified>(find: FindByIds<Row>): FindByIds<Row> {
  let open: Batch<Row> | null = null;

  function openBatch(): Batch<Row> {
    const ids = new Set<string>();
    const batch: Batch<Row> = { ids, rows: afterPolling().then(() => send(batch)) };
    return batch;
  }

  async function send(batch: Batch<Row>): Promise<ReadonlyMap<string, Row>> {
    if (open === batch) open = null;
    const rows = await find([...batch.ids]);
    return new Map(rows.map((row) => [row.id, row]));
  }

  return async (ids) => {
    if (!open || open.ids.size + ids.length > MAX_GATHERED_IDS) open = openBatch();
    const batch = open;
    for (const id of ids) batch.ids.add(id);
    const rows = await batch.rows;
    return ids.flatMap((id) => rows.get(id) ?? []);
  };
}
