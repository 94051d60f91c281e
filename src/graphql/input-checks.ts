import { StationmasterError } from '../errors.ts';
import { countCharacters, HALF_A_CHARACTER } from '../text.ts';

export const MAX_TEXT_LENGTH = 200;

/**
 * Returns the text without surrounding white space.
 * @throws {StationmasterError} BAD_USER_INPUT if it is empty, longer than `maxLength` characters, or contains control
 *   characters or lone surrogates
 */
export function checkText(text: string, field: string, maxLength = MAX_TEXT_LENGTH): string {
  const trimmed = text.trim();
  const length = countCharacters(trimmed);
  if (length < 1 || length > maxLength) {
    throw badInput(`${field} has 1 to ${maxLength} characters; this one has ${length}.`, `input.${field}`);
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (/[\u0000-\u001f\u007f]/.test(trimmed)) throw badInput(`${field} holds a control character.`, `input.${field}`);
  if (!trimmed.isWellFormed()) throw badInput(`${field} holds ${HALF_A_CHARACTER}.`, `input.${field}`);
  return trimmed;
}

export function badInput(message: string, field: string): StationmasterError {
  return new StationmasterError('BAD_USER_INPUT', message, { field });
}

/**
 * Whether a write shall only tell what it would do. A program that sends null for "unknown" must not start the write by it.
 * @throws {StationmasterError} BAD_USER_INPUT if it is null
 */
export function checkDryRun(dryRun: boolean | null): boolean {
  if (dryRun === null) throw badInput('dryRun is true or false; leave it out to write.', 'dryRun');
  return dryRun;
}
