import type { MeasureSummary } from '../definition/summary.ts';

/**
 * How many rows are known at each end of a measure. So many may leave before it is unknown which comes next: at 1,000
 * changed rows a second, the worst case costs one statement a second.
 */
export const END_ROWS = 1024;

/** The values are added up in two parts, because PostgreSQL adds whole numbers below 2⁵³ without rounding. */
export const UNITS = 2 ** 20;

/** What a statement tells of a measure. */
export interface LoadedMeasure {
  readonly reported: number;
  /** The sum of the values in units, each rounded down; `null`: there are none. */
  readonly whole: number | null;
  /** The sum of what was cut off, in units. */
  readonly rest: number | null;
  /** The first `END_ROWS` values in either order. */
  readonly least: readonly number[];
  readonly greatest: readonly number[];
}

/** Count, sum and both ends of the values of some rows, kept up to date row by row. */
export class Measure {
  #reported: number;
  /** The sum is `#sum + #error`: what rounding takes from the first is kept in the second, so that no error adds up. */
  #sum: number;
  #error: number;
  readonly #least: End;
  readonly #greatest: End;

  constructor({ reported, whole, rest, least, greatest }: LoadedMeasure) {
    this.#reported = reported;
    this.#sum = (whole ?? 0) / UNITS;
    this.#error = (rest ?? 0) / UNITS;
    this.#least = new End(least, reported);
    // In descending order they would need a comparison of their own.
    this.#greatest = new End(
      greatest.map((value) => -value),
      reported,
    );
  }

  add(value: number): void {
    this.#reported += 1;
    this.#addToSum(value);
    this.#least.add(value);
    this.#greatest.add(-value);
  }

  /** @throws {RangeError} when no row can have had the value */
  remove(value: number): void {
    this.#reported -= 1;
    this.#addToSum(-value);
    this.#least.remove(value);
    this.#greatest.remove(-value);
  }

  /** `null`: so many rows left an end that it is not known any more. */
  summary(): MeasureSummary | null {
    const reported = this.#reported;
    if (reported === 0) return NOTHING_REPORTED;
    const least = this.#least.first;
    const greatest = this.#greatest.first;
    if (least === undefined || greatest === undefined) return null;
    const average = (this.#sum + this.#error) / reported;
    return { reported, minimum: least, average, maximum: 0 - greatest };
  }

  /** Neumaier's summation: the error of each addition is found exactly. */
  #addToSum(value: number): void {
    const sum = this.#sum + value;
    const isLarger = Math.abs(this.#sum) >= Math.abs(value);
    this.#error += isLarger ? this.#sum - sum + value : value - sum + this.#sum;
    this.#sum = sum;
  }
}

const NOTHING_REPORTED: MeasureSummary = { reported: 0, minimum: null, average: null, maximum: null };

/** The first values of all in ascending order; those behind them are not known. */
class End {
  readonly #values: number[];
  /** Whether there are no others. */
  #isWhole: boolean;

  constructor(values: readonly number[], reported: number) {
    this.#values = [...values];
    this.#isWhole = values.length === reported;
  }

  get first(): number | undefined {
    return this.#values[0];
  }

  add(value: number): void {
    const values = this.#values;
    if (!this.#isWhole && !(value <= values.at(-1)!)) return;
    values.splice(this.#placeOf(value), 0, value);
    if (values.length <= 2 * END_ROWS) return;
    values.length = END_ROWS;
    this.#isWhole = false;
  }

  remove(value: number): void {
    const values = this.#values;
    if (!this.#isWhole && !(value <= values.at(-1)!)) return;
    const place = this.#placeOf(value);
    if (values[place] !== value) throw new RangeError('A value was taken from a summary that does not hold it.');
    values.splice(place, 1);
  }

  /** The index of the first value that is not less. */
  #placeOf(value: number): number {
    let from = 0;
    let to = this.#values.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      if (this.#values[middle]! < value) from = middle + 1;
      else to = middle;
    }
    return from;
  }
}
