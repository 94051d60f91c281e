import { Snapshot } from '../../src/changes/snapshot.ts';

describe('a snapshot', () => {
  test('sees the transactions that had ended', () => {
    const snapshot = new Snapshot('10:14:11,13');
    const seen = ['9', '10', '11', '12', '13', '14', '15'].filter((xid) => snapshot.sees(xid));
    expect(seen).toEqual(['9', '10', '12']);
  });

  test('sees none that began after it, when none was running', () => {
    const snapshot = new Snapshot('10:10:');
    expect(['9', '10', '11'].map((xid) => snapshot.sees(xid))).toEqual([true, false, false]);
  });

  test('is after a transaction if that and all before it had ended', () => {
    const snapshot = new Snapshot('10:14:10,13');
    expect(['9', '10', '12'].map((xid) => snapshot.isAfter(xid))).toEqual([true, false, false]);
  });

  test('is before another one that knows later transactions, or of which fewer were running', () => {
    const isBefore = (one: string, other: string) => new Snapshot(one).isBefore(new Snapshot(other));
    expect(isBefore('10:14:', '10:15:')).toBe(true);
    expect(isBefore('10:15:', '10:14:')).toBe(false);
    expect(isBefore('10:14:11,13', '10:14:11')).toBe(true);
    expect(isBefore('10:14:11', '10:14:11,13')).toBe(false);
    expect(isBefore('10:14:11', '10:14:11')).toBe(false);
  });

  test('completes the short id of a transaction, before or after its own', () => {
    const epoch = 3n * 2n ** 32n;
    const snapshot = new Snapshot(`${epoch + 5n}:${epoch + 5n}:`);
    expect(snapshot.widen(4)).toBe(String(epoch + 4n));
    expect(snapshot.widen(7)).toBe(String(epoch + 7n));
    expect(snapshot.widen(2 ** 32 - 1)).toBe(String(epoch - 1n));
  });
});
