/** A workstation as its writer knows it. */
export interface Row {
  readonly id: string;
  readonly name: string;
  readonly version: number;
  readonly cpuUsage: number | null;
}

/** The effect of a write on the rows. It is applied again when the writer never learned the outcome. */
export type Effect = (rows: ReadonlyMap<string, Row>) => ReadonlyMap<string, Row>;

/** A write without an answer. The id of a row that it created is unknown, so the name identifies the row. */
export interface OpenWrite {
  readonly effect: Effect;
  readonly createdName: string | null;
}

/**
 * The knowledge of one writer about its rows, which no other writer changes. The writer sends one write after the
 * other, so at most one write is open when the server dies.
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
   * Compares the server's rows after its restart with its earlier answers, and continues from there. An open write
   * happened completely or not at all.
   * @param held this writer's rows on the server, in any order
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
