import { changeFeed, startTestApp, type TestApp } from '../support/test-app.ts';

/* The audit of the running application, and writers that turn its triggers off. */

// The log is decoded, whoever turned the triggers off: then only versions do not rise.
const testByTriggers = changeFeed === 'notify' ? test : test.skip;

let testApp: TestApp;

afterEach(() => testApp.close());

async function start(percent?: string) {
  const fleet = { managers: 2, workstations: 20 };
  // An empty setting is the default.
  testApp = await startTestApp({ fleet, env: { CACHE_AUDIT_PERCENT: percent ?? '' } });
}

const PAGE = '{ workstations(first: 20) { edges { node { id hostname } } } }';
const OFFLINE = '{ workstations(filter: { status: [OFFLINE] }) { totalCount edges { node { id } } } }';

const SUMMARY = '{ fleetSummary { total byStatus { status count } cpuUsage { average maximum } } }';

/** Writes as replication tools do: no trigger sees it, and so no version rises. */
async function writeUnseen(...statements: string[]): Promise<void> {
  await testApp.sql("set session_replication_role = 'replica'");
  for (const statement of statements) await testApp.sql(statement);
  await testApp.sql('reset session_replication_role');
}

const figures = () => testApp.app.audit!.figures;

/** Asks again and again, with a round of the audit every 400 times, and returns after how many rounds there is a finding. */
async function askUntilFound(document: string): Promise<number> {
  const isFound = () => Object.values(figures().stale).some((count) => count > 0);
  let rounds = 0;
  for (; rounds < 60 && !isFound(); rounds++) {
    for (let request = 0; request < 400; request++) await testApp.ask(document);
    await testApp.app.audit!.round();
  }
  return rounds;
}

test('finds at the default share, in a few of its rounds, that a writer turned the triggers off', async () => {
  await start();
  await testApp.ask(PAGE);
  await writeUnseen("update workstation set hostname = 'unseen'");
  expect(await askUntilFound(PAGE)).toBeLessThan(10);
  expect(figures().stale.silence).toBe(20);
  const { data } = await testApp.ask(PAGE);
  expect(data.workstations.edges[0].node.hostname).toBe('unseen');
});

testByTriggers('finds lists and counts with rows that came and went unseen', async () => {
  await start('100');
  await testApp.sql("update workstation set status = 'OFFLINE'");
  await testApp.waitUntilHeard();
  expect((await testApp.ask(OFFLINE)).data.workstations.totalCount).toBe(20);
  await writeUnseen('delete from workstation');
  await askUntilFound(OFFLINE);
  expect(figures().stale).toEqual({ announcement: 0, silence: 20, unknown: 2 });
  expect((await testApp.ask(OFFLINE)).data.workstations).toEqual({ totalCount: 0, edges: [] });
});

testByTriggers.each([
  ['a count', "update workstation set status = 'ERROR'"],
  ['a usage', 'update workstation set cpu_usage = 12.5'],
  ['a total', 'delete from workstation'],
])('finds summaries with %s that changed unseen', async (_what, statement) => {
  await start('100');
  await testApp.sql("update workstation set status = 'ONLINE', cpu_usage = 50");
  await testApp.waitUntilHeard();
  await testApp.ask(SUMMARY);
  await testApp.app.audit!.round();
  expect(figures()).toEqual({ audited: 1, stale: { announcement: 0, silence: 0, unknown: 0 } });
  await writeUnseen(statement);
  await testApp.ask(SUMMARY);
  await testApp.app.audit!.round();
  expect(figures()).toEqual({ audited: 2, stale: { announcement: 0, silence: 0, unknown: 1 } });
  const [stored] = await testApp.sql<{ total: number }>('select count(*)::int as total from workstation');
  expect((await testApp.ask(SUMMARY)).data.fleetSummary.total).toBe(stored!.total);
});

test('finds nothing where every change is announced, whoever writes', async () => {
  await start('100');
  for (let turn = 0; turn < 12; turn++) {
    await Promise.all([
      testApp.ask(PAGE),
      testApp.sql(`update workstation set hostname = 'turn-${turn}', cpu_usage = ${turn + 0.1}, status = 'OFFLINE'`),
      testApp.ask(OFFLINE),
      testApp.ask(SUMMARY),
      testApp.app.audit!.round(),
      testApp.ask(PAGE),
    ]);
    if (turn === 6) await testApp.sql('delete from workstation where name in (select max(name) from workstation)');
    await testApp.ask(OFFLINE);
    await testApp.ask(SUMMARY);
    await testApp.app.audit!.round();
  }
  expect(figures().audited).toBeGreaterThan(20);
  expect(figures().stale).toEqual({ announcement: 0, silence: 0, unknown: 0 });
});

test('shows admins and Prometheus what it found', async () => {
  await start('100');
  await testApp.ask(PAGE);
  await testApp.sql("update workstation set hostname = 'seen'");
  await testApp.waitUntilHeard();
  await testApp.app.audit!.round();
  const audit = '{ audited stale visibilityP50Ms visibilityP99Ms }';
  const { data } = await testApp.ask(`{ performanceMetrics { audit ${audit} instances { audit ${audit} } } }`);
  const { audit: shown, instances } = data.performanceMetrics;
  expect(shown).toMatchObject({ stale: 0, audited: expect.any(Number) });
  expect(shown.audited).toBeGreaterThanOrEqual(20);
  expect(shown.visibilityP50Ms).toBeGreaterThanOrEqual(0);
  expect(shown.visibilityP99Ms).toBeLessThan(10_000);
  expect(instances).toHaveLength(1);
  expect(instances[0].audit.stale).toBe(0);
  const headers = { authorization: `Bearer ${await testApp.token('ADMIN')}` };
  const scrape = await (await fetch(`${testApp.app.url}/metrics`, { headers })).text();
  expect(scrape).toMatch(/^stationmaster_cache_audited_total [1-9]/m);
  expect(scrape).toMatch(/^stationmaster_cache_stale_total\{after="silence"\} 0$/m);
  expect(scrape).toMatch(/^stationmaster_change_visibility_seconds_count [1-9]/m);
});

test('sends nothing when it is switched off', async () => {
  await start('0');
  expect(testApp.app.audit).toBeNull();
});
