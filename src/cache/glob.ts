export const MAX_PATTERN_LENGTH = 256;

/** A pattern that selects nothing sensible. Its message can be shown to the admin who typed it. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/**
 * Compiles a glob into a predicate over whole keys. `*` stands for any run of characters, `?` for exactly one; every other
 * character stands for itself.
 *
 * No regular expression is built from the input. Matching is greedy between the stars (Krauss, "Matching Wildcards",
 * 2008): a mismatch backtracks only to the last star, so the work is at most pattern length times key length, and linear
 * in the key for the bounded patterns accepted here.
 *
 * @throws {PatternError} when the pattern is blank or longer than `MAX_PATTERN_LENGTH`
 */
export function compileGlob(pattern: string): (key: string) => boolean {
  if (pattern.trim() === '') throw new PatternError('The pattern is empty. Use * to select every key.');
  if (pattern.length > MAX_PATTERN_LENGTH) {
    throw new PatternError(`The pattern has ${pattern.length} characters; at most ${MAX_PATTERN_LENGTH} are allowed.`);
  }
  const glob = pattern.replace(/\*{2,}/g, '*');
  return (key) => matches(glob, key);
}

function matches(glob: string, key: string): boolean {
  let g = 0;
  let k = 0;
  let starAt = -1;
  let resumeAt = 0;
  while (k < key.length) {
    if (glob[g] === '*') {
      starAt = g++;
      resumeAt = k;
    } else if (g < glob.length && (glob[g] === '?' || glob[g] === key[k])) {
      g++;
      k++;
    } else if (starAt >= 0) {
      g = starAt + 1;
      k = ++resumeAt;
    } else {
      return false;
    }
  }
  while (glob[g] === '*') g++;
  return g === glob.length;
}
