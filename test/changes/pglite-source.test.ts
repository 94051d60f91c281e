import type { PGlite } from '@electric-sql/pglite';
import { CHANNEL, ChangeFeed, createPgliteSource } from '../../src/changes/index.ts';
import { createEmbeddedDatabase } from '../../src/testing/test-database.ts';
import { describeSourceContract } from './source-contract.ts';

let pglite: PGlite;
let dispose: () => Promise<void>;

beforeAll(async () => {
  ({ pglite, dispose } = await createEmbeddedDatabase());
});

afterAll(() => dispose());

describeSourceContract('PGlite', () => ({
  createSource: () => createPgliteSource(pglite),
  execute: (sql) => pglite.exec(sql),
}));

test('a writer on the embedded database waits for its own announcement', async () => {
  const feed = new ChangeFeed({ source: createPgliteSource(pglite) });
  const received: unknown[] = [];
  feed.follow({ onChanges: (changes) => received.push(...changes) });
  await feed.start();
  const announcing = `
    with tx as (select pg_current_xact_id()::text as xid), sent as (
      select xid, pg_notify('${CHANNEL}', json_build_object('table', 'manager', 'op', 'DELETE', 'xid', xid, 'isLast', true,
        'rows', '[{"id": "m1", "version": 1, "old": {}, "new": null}]'::json)::text) from tx)
    select xid from sent where pg_notify is not null`;
  const { rows } = await pglite.query<{ xid: string }>(announcing);
  await feed.waitUntilApplied(rows[0]!.xid, 'statement');
  expect(received).toEqual([{ table: 'manager', op: 'DELETE', id: 'm1', version: 1, old: {}, new: null }]);
  await feed.close();
});

test('a writer whose announcement never comes is released, with a gap', async () => {
  const feed = new ChangeFeed({ source: createPgliteSource(pglite), acknowledgeTimeoutMs: 1 });
  await feed.start();
  await feed.waitUntilApplied('0', 'statement');
  expect([feed.gaps, feed.state]).toEqual([1, 'live']);
  await feed.close();
});
