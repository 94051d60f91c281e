import {
  comparePositions,
  type Direction,
  FROM_START,
  isPageAffected,
  type Position,
} from '../../src/collections/definition/page.ts';

const at = (value: Position['value'], id = 'a'): Position => ({ value, id });

function ordered(direction: Direction, positions: readonly Position[]): Position[] {
  return [...positions].sort((a, b) => comparePositions(direction, a, b));
}

describe('Positions are compared', () => {
  test('by value, in either direction', () => {
    expect(ordered('ASC', [at(2), at(1), at(3)])).toEqual([at(1), at(2), at(3)]);
    expect(ordered('DESC', [at(2), at(1), at(3)])).toEqual([at(3), at(2), at(1)]);
  });

  test('by id where the values are equal, in the same direction', () => {
    expect(ordered('ASC', [at(1, 'b'), at(1, 'a')])).toEqual([at(1, 'a'), at(1, 'b')]);
    expect(ordered('DESC', [at(1, 'a'), at(1, 'b')])).toEqual([at(1, 'b'), at(1, 'a')]);
    expect(comparePositions('ASC', at('x', 'a'), at('x', 'a'))).toBe(0);
  });

  test.each(['ASC', 'DESC'] as const)('with those that have no value last, %s', (direction) => {
    expect(ordered(direction, [at(null, 'b'), at(1), at(null, 'a')])[0]).toEqual(at(1));
    expect(comparePositions(direction, at(null, 'x'), at(0, 'x'))).toBe(1);
    expect(comparePositions(direction, at(0, 'x'), at(null, 'x'))).toBe(-1);
  });

  test('with those that have no value by id', () => {
    expect(comparePositions('ASC', at(null, 'a'), at(null, 'b'))).toBeLessThan(0);
    expect(comparePositions('DESC', at(null, 'a'), at(null, 'b'))).toBeGreaterThan(0);
  });

  test('as text by code point: a prefix first, capitals before small letters, and what is beyond U+FFFF last', () => {
    const texts = ['', 'A', 'AB', 'Z', 'a', 'ab', 'é', '\u{d7ff}', '\u{e000}', '\u{ffff}', '\u{10000}', '\u{10ffff}'];
    const shuffled = [...texts].reverse().map((text) => at(text));
    expect(ordered('ASC', shuffled).map(({ value }) => value)).toEqual(texts);
    expect(ordered('DESC', shuffled).map(({ value }) => value)).toEqual([...texts].reverse());
  });
});

describe('A page that begins behind 10 and whose next row is 20', () => {
  const bounds = { ...FROM_START, direction: 'ASC', after: at(10), next: at(20) } as const;
  const isAffected = (before: Position | null, now: Position | null) => isPageAffected(bounds, before, now);

  test.each<[what: string, before: Position | null, now: Position | null, affected: boolean]>([
    ['a row comes into it', null, at(15), true],
    ['a row leaves it', at(15), null, true],
    ['a row moves within it', at(15), at(16), true],
    ['a row in it takes another id', at(15, 'a'), at(15, 'b'), true],
    ['a row moves into it', at(5), at(15), true],
    ['a row moves out of it', at(15), at(25), true],
    ['a row keeps its place in it', at(15), at(15), false],
    ['a row comes before it', null, at(5), false],
    ['a row comes behind its next row', null, at(25), false],
    ['a row moves past it', at(5), at(25), false],
    ['a row comes at the place it begins behind', null, at(10), false],
    ['a row comes right behind that place', null, at(10, 'b'), true],
    ['its next row goes', at(20), null, true],
    ['its next row keeps its place', at(20), at(20), false],
    ['a row comes right behind its next row', null, at(20, 'b'), false],
    ['a row that was no member is none', null, null, false],
  ])('%s', (_what, before, now, affected) => expect(isAffected(before, now)).toBe(affected));
});

test('A page at the start of a descending list that it ends is affected by all that comes or goes', () => {
  const bounds = { ...FROM_START, direction: 'DESC', next: null } as const;
  for (const position of [at(1), at(1000), at(null)]) {
    expect(isPageAffected(bounds, null, position)).toBe(true);
    expect(isPageAffected(bounds, position, null)).toBe(true);
    expect(isPageAffected(bounds, position, position)).toBe(false);
  }
});

test('A descending page looks behind its place in its own direction', () => {
  const bounds = { ...FROM_START, direction: 'DESC', after: at(20), next: at(10) } as const;
  expect(isPageAffected(bounds, null, at(15))).toBe(true);
  expect(isPageAffected(bounds, null, at(25))).toBe(false);
  expect(isPageAffected(bounds, null, at(5))).toBe(false);
});

describe('A page that ends before 20 and whose next row is 10', () => {
  const bounds = { direction: 'ASC', from: 'END', after: null, before: at(20), next: at(10) } as const;
  const isAffected = (before: Position | null, now: Position | null) => isPageAffected(bounds, before, now);

  test.each<[what: string, before: Position | null, now: Position | null, affected: boolean]>([
    ['a row comes into it', null, at(15), true],
    ['a row leaves it', at(15), null, true],
    ['a row moves within it', at(15), at(16), true],
    ['a row keeps its place in it', at(15), at(15), false],
    ['a row moves past it', at(5), at(25), false],
    ['a row comes at the place it ends before', null, at(20), false],
    ['a row comes right before that place', null, at(20, '0'), true],
    ['a row without a value comes', null, at(null), false],
    ['its next row goes', at(10), null, true],
    ['its next row keeps its place', at(10), at(10), false],
    ['a row comes right before its next row', null, at(10, '0'), false],
    ['a row comes right behind its next row', null, at(10, 'b'), true],
  ])('%s', (_what, before, now, affected) => expect(isAffected(before, now)).toBe(affected));

  test('without a next row it is affected by all that comes or goes before 20', () => {
    expect(isPageAffected({ ...bounds, next: null }, null, at(-1000))).toBe(true);
    expect(isPageAffected({ ...bounds, next: null }, null, at(20))).toBe(false);
  });
});

test.each(['START', 'END'] as const)('A page from the %s between two places looks at what is between them', (from) => {
  const bounds = { direction: 'DESC', from, after: at(20), before: at(null), next: null } as const;
  expect(isPageAffected(bounds, null, at(15))).toBe(true);
  expect(isPageAffected(bounds, null, at(20))).toBe(false);
  expect(isPageAffected(bounds, null, at(25))).toBe(false);
  expect(isPageAffected(bounds, null, at(null, '0'))).toBe(false);
  expect(isPageAffected(bounds, null, at(null, 'b'))).toBe(true);
});
