import { RecentKeys } from '../../src/cache/store/recent-keys.ts';

/** Learns of one key after the other; the first has the sequence number 1. */
function learn(...keys: string[]): RecentKeys<number> {
  const recent = new RecentKeys<number>();
  keys.forEach((key, index) => {
    recent.set(key, index + 1);
  });
  return recent;
}

describe('what is known of recent keys', () => {
  test('is remembered while a load runs that began before', () => {
    const recent = learn('a');
    for (let time = 0; time < 3; time++) recent.forget(0, 1);
    expect(recent.get('a')).toBe(1);
  });

  test('is forgotten when all that run began afterwards, and later things are not', () => {
    const recent = learn('a', 'b');
    recent.forget(1, 2);
    recent.set('c', 3);
    recent.forget(2, 3);
    expect(['a', 'b', 'c'].map((key) => recent.get(key))).toEqual([undefined, undefined, 3]);
  });

  test('is forgotten at once when nothing runs that began before the last of it', () => {
    const recent = learn('a', 'b');
    recent.forget(2, 2);
    expect(recent.isEmpty).toBe(true);
    expect(recent.get('a')).toBeUndefined();
  });

  test('is what was learned last', () => {
    const recent = learn('a');
    recent.forget(0, 1);
    recent.set('a', 2);
    expect(recent.get('a')).toBe(2);
    expect(recent.isEmpty).toBe(false);
  });

  test('is nothing at first', () => {
    expect(new RecentKeys().isEmpty).toBe(true);
  });
});
