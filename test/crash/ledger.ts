/** What a workstation looks like to its writer. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly cpuUsage: number | null;
}

/** What a write makes of the rows; asked for once more when the writer never learned whether it happened. */
export type Effect = (rows: ReadonlyMap<string, Row>) => ReadonlyMap<string, Row>;

/** A write without an answer. One that made a row cannot tell its id: the row is known by its name. */
export interface OpenWrite {
  readonly effect: Effect;
  readonly createdName: string | null;
}

/**
 * What one writer knows of its rows, which nobody else writes. It does one thing after the other, so that at most one
 * write is open when the server dies.
 */
export class Ledger {
  rows: ReadonlyMap<string, Row> = new Map();
  #open: OpenWrite | null = null;

  begin(write: OpenWrite): void {
    this.#open = write;
  }

  answered(effect: Effect): void {
    this.rows = effect(this.rows);
    this.#open = null;
  }

  /**
   * Compares what the server holds after its restart with what it had answered, and goes on from there. An open write
   * happened as a whole or not at all.
   * @param held this writer's rows, in any order
   * @returns a sentence for each loss
   */
  reconcile(held: readonly Row[]): string[] {
    const open = this.#open;
    this.#open = null;
    const losses = findDifferences(this.rows, held);
    if (losses.length > 0 && open) {
      const created = held.find(({ name }) => name === open.createdName);
      const happened = new Map(open.effect(this.rows));
      if (created) happened.set(created.id, created);
      if (findDifferences(happened, held).length === 0) losses.length = 0;
    }
    this.rows = new Map(held.map((row) => [row.id, row]));
    return losses;
  }
}

function findDifferences(expected: ReadonlyMap<string, Row>, held: readonly Row[]): string[] {
  const left = new Map(expected);
  const differences: string[] = [];
  for (const row of held) {
    const known = left.get(row.id);
    left.delete(row.id);
    if (!known) differences.push(`${describe(row)} should not be there`);
    else if (describe(known) !== describe(row)) differences.push(`${describe(known)} has become ${describe(row)}`);
  }
  for (const lost of left.values()) differences.push(`${describe(lost)} is lost`);
  return differences;
}

function describe({ name, version, cpuUsage }: Row): string {
  return `${name} (version ${version}, cpu ${cpuUsage})`;
}
