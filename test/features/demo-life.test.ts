import 'reflect-metadata';
import { demoFleet } from '../../src/features/demo-fleet/demo-fleet.ts';
import { DemoLife, livingMachines, readingsAt } from '../../src/features/demo-fleet/demo-life.ts';
import { startTestApp } from '../support/test-app.ts';
import { createManualTimers } from '../websocket/manual-timers.ts';

const { workstations } = demoFleet({ managers: 10, workstations: 1000 });
const machines = livingMachines(workstations);
const START_MS = Date.UTC(2026, 10, 29);

/** The ids that report in each second of a time. */
function reportsOf(seconds: number): string[][] {
  return Array.from({ length: seconds }, (_, second) =>
    readingsAt(START_MS + 1000 * second, machines).map(({ workstationId }) => workstationId),
  );
}

describe('The machines of the demo fleet', () => {
  test('that are switched on report once in ten seconds, about a tenth of them in each second', () => {
    const seconds = reportsOf(10);
    const reported = seconds.flat();
    expect(new Set(reported).size).toBe(reported.length);
    const on = [...workstations].filter(({ status }) => status === 'ONLINE' || status === 'ERROR').map(({ id }) => id);
    expect(reported.every((id) => on.includes(id))).toBe(true);
    expect(reported.length).toBeGreaterThan(0.8 * on.length);
    for (const batch of seconds) {
      expect(batch.length).toBeGreaterThan(50);
      expect(batch.length).toBeLessThan(110);
    }
  });

  test('report percentages that change', () => {
    const readings = [0, 10, 20].flatMap((second) => readingsAt(START_MS + 1000 * second, machines));
    const values = readings.flatMap(({ cpuUsage, memoryUsage, diskUsage }) => [cpuUsage!, memoryUsage!, diskUsage!]);
    expect(values.filter((value) => !(value >= 0 && value <= 100))).toEqual([]);
    const cpuOf = Map.groupBy(readings, ({ workstationId }) => workstationId);
    const moving = [...cpuOf.values()].filter((of) => new Set(of.map(({ cpuUsage }) => cpuUsage)).size > 1);
    expect(moving.length).toBeGreaterThan(0.8 * cpuOf.size);
  });

  test('fall silent for minutes and come back, each at its own time', () => {
    const seconds = 2 * 3600;
    const seenAt = new Map<string, number>();
    const silences = new Map<string, number>();
    reportsOf(seconds).forEach((ids, second) => {
      for (const id of ids) {
        const silentFor = second - (seenAt.get(id) ?? second);
        if (silentFor > 10) silences.set(id, Math.max(silentFor, silences.get(id) ?? 0));
        seenAt.set(id, second);
      }
    });
    expect(seenAt.size).toBe(machines.length);
    expect(silences.size).toBeGreaterThan(0.95 * machines.length);
    const lengths = [...silences.values()];
    expect(Math.min(...lengths)).toBeGreaterThan(120);
    expect(Math.max(...lengths)).toBeLessThanOrEqual(7 * 60 + 20);
    const silentNow = machines.filter(({ id }) => seenAt.get(id)! < seconds - 60);
    expect(silentNow.length).toBeGreaterThan(20);
  });
});

describe('The life of the demo fleet', () => {
  function live({
    existing = 1000,
    report = async () => {},
  }: {
    existing?: number;
    report?: () => Promise<void>;
  } = {}) {
    const timers = createManualTimers(START_MS);
    const batches: number[] = [];
    const errors: unknown[] = [];
    const life = new DemoLife({
      workstations,
      findExisting: async (ids) => ids.slice(0, existing),
      report: async (readings) => {
        batches.push(readings.length);
        await report();
      },
      timers,
      onError: (error) => errors.push(error),
    });
    /** Moves to the next second, once what is due is done. */
    const second = async () => {
      await new Promise(setImmediate);
      timers.advance(1000);
      await new Promise(setImmediate);
    };
    return { life, timers, batches, errors, second };
  }

  test('is one batch a second, until it is stopped', async () => {
    const { life, timers, batches, second } = live();
    life.start();
    for (let n = 0; n < 3; n++) await second();
    expect(batches).toHaveLength(3);
    await life.stop();
    expect(timers.pending).toBe(0);
    await second();
    expect(batches).toHaveLength(3);
  });

  test('is nothing where none of the demo fleet is left', async () => {
    const { life, timers, second } = live({ existing: 0 });
    life.start();
    await second();
    expect(timers.pending).toBe(0);
    await life.stop();
  });

  test('waits for a slow database instead of piling up, and goes on after a failure', async () => {
    const slow = Promise.withResolvers<void>();
    const { life, batches, errors, second } = live({ report: () => slow.promise });
    life.start();
    for (let n = 0; n < 5; n++) await second();
    expect(batches).toHaveLength(1);
    slow.reject(new Error('gone'));
    await second();
    await second();
    expect(batches.length).toBeGreaterThan(1);
    expect(errors).toEqual([]);
    await life.stop();
  });
});

describe('With DEMO_FLEET', () => {
  const COUNT = '{ workstations { totalCount } managers { totalCount } }';

  test('live, an empty database gets a fleet that reports, until the server stops', async () => {
    const testApp = await startTestApp({ env: { DEMO_FLEET: 'live' } });
    const events = await testApp.subscribe('subscription { workstationChanged { kind workstation { lastSeenAt } } }');
    const { kind, workstation } = (await events.next()).data!.workstationChanged;
    expect(kind).toBe('UPDATED');
    expect(Math.abs(Date.parse(workstation.lastSeenAt) - Date.now())).toBeLessThan(60_000);
    await events.stop();
    await testApp.close();
  });

  test.each([
    ['still', 1000],
    ['on', 1000],
    ['off', 0],
  ])('%s, nothing reports', async (setting, workstations) => {
    const testApp = await startTestApp({ env: { DEMO_FLEET: setting } });
    const { data } = await testApp.ask(COUNT);
    expect(data).toEqual({ workstations: { totalCount: workstations }, managers: { totalCount: workstations / 10 } });
    const seen = await testApp.sql(`select count(*)::int as n from workstation where last_seen_at > '2026-06-01'`);
    expect(seen).toEqual([{ n: 0 }]);
    await testApp.close();
  });
});
