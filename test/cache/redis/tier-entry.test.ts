import { parseTierEntry } from '../../../src/cache/redis/tier-store.ts';

const UNTIL = 1_700_000_000_000;

describe('a text is an entry', () => {
  test.each([
    ['of a record', { v: 1, g: 'one', u: UNTIL, r: { id: 'a', version: 1, name: null, isOnline: true, load: 0.5 } }],
    ['of a record without content', { v: 1, g: 'one', u: UNTIL, r: {} }],
    ['of a record with a list of texts', { v: 1, g: 'one', u: UNTIL, r: { id: 'a', tags: ['b'] } }],
    ['of a deletion', { v: 1, g: 'one', u: UNTIL, r: null }],
    ['of a change of unknown content', { v: 0, g: '', u: 0.5 }],
    ['with additional fields, which a newer version may use', { v: 1, g: 'one', u: UNTIL, r: null, x: [] }],
  ])('%s', (_what, entry) => {
    expect(parseTierEntry(JSON.stringify(entry))).toEqual(entry);
  });
});

describe('a text is no entry', () => {
  test.each([
    ['when there is none', null],
    ['when it is not JSON', '{"v":1,"g":"one","u":1'],
    ['when it is null', 'null'],
    ['when it is a number', '1'],
    ['when it is a string', '"v"'],
    ['when it is an array', '[]'],
    ['without a version', JSON.stringify({ g: 'one', u: UNTIL })],
    ['with a version that is not an integer', JSON.stringify({ v: 1.5, g: 'one', u: UNTIL })],
    ['without a generation', JSON.stringify({ v: 1, u: UNTIL })],
    ['without an expiry', JSON.stringify({ v: 1, g: 'one' })],
    ['with an expiry that is a string', JSON.stringify({ v: 1, g: 'one', u: String(UNTIL) })],
    ['when its record is a string', JSON.stringify({ v: 1, g: 'one', u: UNTIL, r: 'text' })],
    ['when its record is a number', JSON.stringify({ v: 1, g: 'one', u: UNTIL, r: 1 })],
    ['when its record is an array', JSON.stringify({ v: 1, g: 'one', u: UNTIL, r: [] })],
    ['when its record holds an object', JSON.stringify({ v: 1, g: 'one', u: UNTIL, r: { name: {} } })],
    [
      'when its record holds an array of objects',
      JSON.stringify({ v: 1, g: 'one', u: UNTIL, r: { id: 'a', names: ['b', {}] } }),
    ],
  ])('%s', (_what, text) => {
    expect(parseTierEntry(text)).toBeNull();
  });
});
