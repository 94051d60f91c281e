/** Said of a text with a surrogate without its other half (Unicode, section 3.9), which no database and no UTF-8 can hold. */
export const HALF_A_CHARACTER = 'half a character (a surrogate without its pair)';

/** How many characters PostgreSQL counts: code points, of which JavaScript takes some for two. */
export function countCharacters(text: string): number {
  let pairs = 0;
  for (let index = 0; index < text.length - 1; index++) {
    if (text.codePointAt(index)! > LAST_OF_ONE_UNIT) pairs++;
  }
  return text.length - pairs;
}

const LAST_OF_ONE_UNIT = 0xffff;
