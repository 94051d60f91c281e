/**
 * The sizes that are written into a statement. Of a limit that comes as a value PostgreSQL assumes that it is a tenth of the
 * table, so that in a large one no plan for all values seems good enough, and each execution is planned anew.
 */
const USUAL_PAGE_SIZES: ReadonlySet<number> = new Set([10, 20, 25, 50, 100, 200, 500]);

/** The clause that limits a statement to a page and the row beyond it; may add to its `values`. */
export function limitToPage(size: number, values: unknown[]): string {
  return `limit ${USUAL_PAGE_SIZES.has(size) ? size + 1 : `$${values.push(size + 1)}`}`;
}
