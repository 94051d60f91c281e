/* The arguments of the checks that run without Jest. */

/** The check was called in a wrong way; the message says how. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** @throws {UsageError} in place of what `parse` throws */
export function parseOrExplain<Values>(parse: () => Values): Values {
  try {
    return parse();
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

/** @throws {UsageError} when `text` is none of the names */
export function oneOf<Name extends string>(option: string, text: string, names: readonly Name[]): Name {
  const name = names.find((known) => known === text);
  if (name === undefined)
    throw new UsageError(`--${option} knows ${names.join(', ')}, but not ${JSON.stringify(text)}.`);
  return name;
}

const DIGITS = /^\d{1,10}$/;
export const DIGITS_WITH_EXPONENT = /^\d+(e\d+)?$/;

/** @throws {UsageError} when `text` is no whole number within the bounds, or written in another way than `pattern` */
export function wholeNumber(option: string, text: string, min: number, max: number, pattern = DIGITS): number {
  const value = pattern.test(text) ? Number(text) : Number.NaN;
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new UsageError(`--${option} must be a whole number from ${min} to ${max}, but is ${JSON.stringify(text)}.`);
}
