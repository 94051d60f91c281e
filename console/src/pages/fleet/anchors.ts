/** A place in a list: the row with this cursor is the one before row `index`. */
export interface Anchor {
  readonly index: number;
  readonly cursor: string;
}

/** Reads a cursor that is some rows away; `null`: the list ends before. */
export interface CursorReader {
  /** The cursor of the last of `count` rows after a cursor, or from the beginning. */
  forward(count: number, after: string | null): Promise<string | null>;
  /** The cursor of the first of `count` rows before a cursor, or up to the end. */
  backward(count: number, before: string | null): Promise<string | null>;
}

/** Rows a step: as many as the API has on a page. */
const STEP_ROWS = 500;

/**
 * The places that are known in a list of which any part may be asked for. The API pages by cursors, so a part is reached by
 * steps of up to 500 rows from the nearest known place or from either end. Rows that come and go meanwhile shift the indexes
 * a little. That does no harm: what is shown is what follows a cursor.
 */
export class Anchors {
  readonly #known: Anchor[] = [];

  add(anchor: Anchor): void {
    const place = this.#known.findIndex(({ index }) => index >= anchor.index);
    if (place === -1) this.#known.push(anchor);
    else this.#known.splice(place, this.#known[place]!.index === anchor.index ? 1 : 0, anchor);
  }

  /**
   * Finds the place of row `index`, which is not the first.
   * @param total how many rows the list has
   * @param signal ends the search early; what it has found by then stays known
   * @returns `null`: the list is shorter by now, or the search was ended
   */
  async locate(index: number, total: number, read: CursorReader, signal: AbortSignal): Promise<Anchor | null> {
    while (!signal.aborted) {
      const below = this.#known.findLast((anchor) => anchor.index <= index);
      if (below?.index === index) return below;
      const above = this.#known.find((anchor) => anchor.index > index);
      const from = below?.index ?? 0;
      // Of the row before the end, as an anchor there would have it.
      const to = above?.index ?? total + 1;
      const found = index - from <= to - index ? await up(below, index, read) : await down(above, to, index, read);
      if (found === null) return null;
      this.add(found);
    }
    return null;
  }
}

async function up(from: Anchor | undefined, target: number, read: CursorReader): Promise<Anchor | null> {
  const start = from?.index ?? 0;
  const count = Math.min(STEP_ROWS, target - start);
  const cursor = await read.forward(count, from?.cursor ?? null);
  return cursor === null ? null : { index: start + count, cursor };
}

async function down(
  from: Anchor | undefined,
  start: number,
  target: number,
  read: CursorReader,
): Promise<Anchor | null> {
  const count = Math.min(STEP_ROWS, start - target);
  const cursor = await read.backward(count, from?.cursor ?? null);
  return cursor === null ? null : { index: start - count, cursor };
}
