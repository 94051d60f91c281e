import { engine } from '../../src/testing/test-database.ts';
import { Ledger, type Row } from './ledger.ts';
import { run } from './run.ts';

const row = (id: string, version: number, cpuUsage: number | null = null): Row => ({
  id,
  name: `name-${id}`,
  version,
  cpuUsage,
});
const add = (added: Row) => (rows: ReadonlyMap<string, Row>) => new Map([...rows, [added.id, added]]);

describe('the ledger of a writer', () => {
  let ledger: Ledger;

  beforeEach(() => {
    ledger = new Ledger();
    ledger.answered(add(row('a', 1)));
    ledger.answered(add(row('b', 1)));
  });

  test('finds nothing missing when everything is there', () => {
    expect(ledger.reconcile([row('b', 1), row('a', 1)])).toEqual([]);
  });

  test.each([
    ['a row', [row('a', 1)], ['name-b (version 1, cpu null) is lost']],
    ['an update', [row('a', 1), row('b', 2, 5)], ['name-b (version 1, cpu null) has become name-b (version 2, cpu 5)']],
    ['a deletion', [row('a', 1), row('b', 1), row('c', 1)], ['name-c (version 1, cpu null) should not be there']],
  ])('finds that %s is missing', (_what, held, losses) => {
    expect(ledger.reconcile(held)).toEqual(losses);
  });

  test('accepts an unanswered write completely or not at all, but not partly', () => {
    const both = (rows: ReadonlyMap<string, Row>) => add(row('b', 2, 7))(add(row('a', 2, 7))(rows));
    for (const held of [
      [row('a', 1), row('b', 1)],
      [row('a', 2, 7), row('b', 2, 7)],
    ]) {
      const asBefore = new Ledger();
      asBefore.answered(() => ledger.rows);
      asBefore.begin({ effect: both, createdName: null });
      expect(asBefore.reconcile(held)).toEqual([]);
    }
    ledger.begin({ effect: both, createdName: null });
    expect(ledger.reconcile([row('a', 2, 7), row('b', 1)])).toHaveLength(1);
  });

  test('identifies a row whose creation was not answered by its name', () => {
    ledger.begin({ effect: (rows) => rows, createdName: 'name-c' });
    expect(ledger.reconcile([row('a', 1), row('b', 1), row('c', 1)])).toEqual([]);
  });
});

// Runs with the services because it is slow, although it tests the embedded database.
if (engine === 'postgresql') {
  test('the embedded database keeps every answered write through three kills', async () => {
    const reports = await run({ rounds: 3, seed: 3 });
    expect(reports.flatMap(({ losses }) => losses)).toEqual([]);
    expect(Math.max(...reports.map(({ answered }) => answered))).toBeGreaterThan(0);
  });
}
