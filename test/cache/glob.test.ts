import fc from 'fast-check';
import { Cache, MAX_PATTERN_LENGTH, PatternError } from '../../src/cache/index.ts';

function selectedBy(pattern: string, keys: readonly string[]): string[] {
  const cache = new Cache({ maxEntries: 20 });
  for (const key of keys) cache.set(key, key);
  cache.invalidate(pattern);
  return keys.filter((key) => cache.get(key) === undefined);
}

/** The definition of a glob: simple and slow. */
function isMatch(pattern: string, key: string): boolean {
  const [first] = pattern;
  if (first === undefined) return key === '';
  if (first === '*') return isMatch(pattern.slice(1), key) || (key !== '' && isMatch(pattern, key.slice(1)));
  return key !== '' && (first === '?' || first === key[0]) && isMatch(pattern.slice(1), key.slice(1));
}

const KEYS = ['workstations_1', 'workstations_12', 'workstations_list_all', 'managers_1', 'managers_list_all'];

test('a pattern without wildcards selects exactly that key', () => {
  expect(selectedBy('workstations_1', KEYS)).toEqual(['workstations_1']);
});

test('a star matches any run of characters, also an empty one', () => {
  expect(selectedBy('workstations_*', KEYS)).toEqual(['workstations_1', 'workstations_12', 'workstations_list_all']);
  expect(selectedBy('workstations_1*', KEYS)).toEqual(['workstations_1', 'workstations_12']);
  expect(selectedBy('*_list_*', KEYS)).toEqual(['workstations_list_all', 'managers_list_all']);
  expect(selectedBy('*', KEYS)).toEqual(KEYS);
});

test('a question mark matches exactly one character', () => {
  expect(selectedBy('workstations_?', KEYS)).toEqual(['workstations_1']);
  expect(selectedBy('workstations_??', KEYS)).toEqual(['workstations_12']);
});

test('a pattern selects whole keys, not parts of them', () => {
  expect(selectedBy('managers', KEYS)).toEqual([]);
  expect(selectedBy('_1', KEYS)).toEqual([]);
});

test.each(['.', '[ab]', '(a|b)', 'a+', '^a$', '\\d', '{1,2}', '/a/', '!a'])(
  'the characters of %s match themselves',
  (text) => {
    expect(selectedBy(text, [text, 'a', 'b', 'aa', '1', '11', 'aaa'])).toEqual([text]);
  },
);

test.each(['', ' ', '\t\n', ' '.repeat(300)])('a blank pattern (%j) is refused', (pattern) => {
  expect(() => new Cache().invalidate(pattern)).toThrow(PatternError);
});

test.each(['a\0b', 'a\nb', '\u001fa', 'a\u007f'])('a pattern with a control character (%j) is refused', (pattern) => {
  expect(() => new Cache().invalidate(pattern)).toThrow(new PatternError('The pattern holds a control character.'));
});

test('a pattern with half of a character is refused', () => {
  expect(() => new Cache().invalidate('a\ud83d*')).toThrow(new PatternError('The pattern holds half a character.'));
});

test('a pattern over 256 characters is refused, one of 256 is not', () => {
  expect(MAX_PATTERN_LENGTH).toBe(256);
  expect(() => new Cache().invalidate('a'.repeat(257))).toThrow(
    new PatternError('The pattern has 257 characters; at most 256 are allowed.'),
  );
  expect(selectedBy('a'.repeat(256), ['a'.repeat(256)])).toHaveLength(1);
});

test('a refused pattern removes nothing', () => {
  const cache = new Cache();
  cache.set('a', 1);
  expect(() => cache.invalidate(' ')).toThrow(PatternError);
  expect(cache.get('a')).toBe(1);
});

// Backtracking at every star, as in a regular expression, would not end here.
test('thirty stars over a long key that almost matches end soon', () => {
  const key = `${'a'.repeat(10_000)}b`;
  expect(selectedBy('*a'.repeat(30), [key])).toEqual([]);
  expect(selectedBy(`${'*a'.repeat(30)}*`, [key])).toEqual([key]);
  expect(selectedBy(`${'*a'.repeat(30)}?`, [key])).toEqual([key]);
});

test('patterns select what the definition selects', () => {
  const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.'), minLength: 1, maxLength: 8 });
  const key = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?', '.'), minLength: 1, maxLength: 10 });
  fc.assert(
    fc.property(pattern, fc.uniqueArray(key, { maxLength: 10 }), (glob, keys) => {
      expect(selectedBy(glob, keys)).toEqual(keys.filter((candidate) => isMatch(glob, candidate)));
    }),
    { numRuns: 2000 },
  );
});

test('long patterns select what short ones do', () => {
  const text = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), minLength: 1, maxLength: 8 });
  const length = fc.integer({ min: 25, max: 70 });
  fc.assert(
    fc.property(text, text, length, (glob, key, padding) => {
      const before = 'ab'.repeat(padding);
      const expected = isMatch(glob, key) ? [before + key] : [];
      expect(selectedBy(before + glob, [before + key])).toEqual(expected);
      expect(selectedBy(glob + before, [key + before])).toHaveLength(isMatch(`${glob}ab`, `${key}ab`) ? 1 : 0);
    }),
    { numRuns: 500 },
  );
});
