import { isIP } from 'node:net';
import { validate, version } from 'uuid';
import { DEMO_EPOCH_MS, demoFleet, type WorkstationRow } from '../../src/features/demo-fleet/demo-fleet.ts';

function fleet(options: { managers: number; workstations: number; seed?: number }) {
  const { managers, workstations } = demoFleet(options);
  return { managers: [...managers], workstations: [...workstations] };
}

function usagesOf(row: WorkstationRow) {
  return [row.cpu_usage, row.memory_usage, row.disk_usage];
}

const { managers, workstations } = fleet({ managers: 200, workstations: 5_000 });

const isSorted = (numbers: readonly number[]) =>
  numbers.every((number, index) => index === 0 || numbers[index - 1]! <= number);

describe('the demo fleet', () => {
  test('is the same for the same seed, and different for another seed', () => {
    expect(fleet({ managers: 200, workstations: 5_000 })).toEqual({ managers, workstations });
    const other = fleet({ managers: 200, workstations: 5_000, seed: 2 });
    expect(other.managers[0]!.id).not.toBe(managers[0]!.id);
    expect(other.workstations[0]!.id).not.toBe(workstations[0]!.id);
  });

  test('can be iterated twice', () => {
    const once = demoFleet({ managers: 3, workstations: 3 });
    expect([...once.workstations]).toEqual([...once.workstations]);
    expect([...once.workstations]).toHaveLength(3);
  });

  test('begins with the rows of a smaller fleet', () => {
    const small = fleet({ managers: 200, workstations: 40 });
    expect(workstations.slice(0, 40)).toEqual(small.workstations);
    expect(fleet({ managers: 10, workstations: 0 }).managers).toEqual(managers.slice(0, 10));
  });

  test('generates its rows lazily', () => {
    const endless = demoFleet({ managers: 1, workstations: Number.MAX_SAFE_INTEGER });
    const [first] = endless.workstations;
    expect(first!.name).toMatch(/^[A-Z]{3}-[A-Z]+-0001$/);
  });

  test('refuses invalid counts, naming the option', () => {
    expect(() => demoFleet({ managers: -1, workstations: 1 })).toThrow(
      new RangeError('managers must be a whole number of at least 0, got -1'),
    );
    expect(() => demoFleet({ managers: 1, workstations: 1.5 })).toThrow(
      new RangeError('workstations must be a whole number of at least 0, got 1.5'),
    );
    expect(() => demoFleet({ managers: 1, workstations: 1, seed: Number.NaN })).toThrow(
      new RangeError('seed must be an integer, got NaN'),
    );
  });

  test('has no time after its epoch, and keeps all times in order', () => {
    const isTime = (text: string) => new Date(text).toISOString() === text;
    const areInOrder = (...times: string[]) =>
      times.every(isTime) && isSorted([...times.map((time) => Date.parse(time)), DEMO_EPOCH_MS]);
    const rows = [...managers, ...workstations];
    expect(rows.filter(({ created_at, updated_at }) => !areInOrder(created_at, updated_at))).toEqual([]);
    const seen = workstations.filter((row) => row.last_seen_at !== null);
    expect(seen.filter(({ created_at, last_seen_at }) => !areInOrder(created_at, last_seen_at!))).toEqual([]);
  });

  test("has UUIDs of version 7 that carry the row's time of creation", () => {
    const carries = (id: string, time: string) =>
      Number.parseInt(id.replaceAll('-', '').slice(0, 12), 16) === Date.parse(time);
    const isRight = (id: string, time: string) => validate(id) && version(id) === 7 && carries(id, time);
    const rows = [...managers, ...workstations];
    expect(rows.filter(({ id, created_at }) => !isRight(id, created_at))).toEqual([]);
  });

  test('has enough managers for any fleet, with unique names, addresses and ids', () => {
    const crowd = fleet({ managers: 20_000, workstations: 0 }).managers;
    for (const column of ['id', 'name', 'email'] as const) {
      expect(new Set(crowd.map((row) => row[column])).size).toBe(20_000);
    }
    expect(crowd.every((row) => /^[a-z]+(\.[a-z]+)+@fleet\.example$/.test(row.email))).toBe(true);
  });

  test('gives 100,000 workstations unique names, hostnames, addresses and ids', () => {
    const seen = { id: new Set(), name: new Set(), hostname: new Set(), ip_address: new Set() };
    for (const row of demoFleet({ managers: 500, workstations: 100_000 }).workstations) {
      for (const column of Object.keys(seen) as (keyof typeof seen)[]) seen[column].add(row[column]);
    }
    expect(Object.values(seen).map((values) => values.size)).toEqual([100_000, 100_000, 100_000, 100_000]);
  });

  test('names a workstation after its site, team and number, and its host after its name', () => {
    const isNamed = (name: string) => /^[A-Z]{3}-[A-Z]{2,3}-\d{4,}$/.test(name);
    expect(workstations.filter(({ name }) => !isNamed(name))).toEqual([]);
    const hostOf = (name: string) => `${name.toLowerCase()}.fleet.example`;
    expect(workstations.filter(({ name, hostname }) => hostname !== hostOf(name))).toEqual([]);
  });

  test('has private addresses, most of them IPv4', () => {
    const addresses = workstations.map((row) => row.ip_address);
    expect(addresses.filter((address) => isIP(address) === 0)).toEqual([]);
    expect(addresses.filter((address) => !address.startsWith('10.') && !address.startsWith('fd'))).toEqual([]);
    const ipv6Count = addresses.filter((address) => isIP(address) === 6).length;
    expect(ipv6Count).toBeGreaterThan(0);
    expect(ipv6Count).toBeLessThan(addresses.length / 10);
  });

  test('writes IPv6 addresses in their canonical form', () => {
    for (const { ip_address } of workstations.filter((row) => isIP(row.ip_address) === 6)) {
      expect(new URL(`http://[${ip_address}]`).hostname).toBe(`[${ip_address}]`);
    }
  });

  test.each([
    ['ONLINE', 78],
    ['OFFLINE', 14],
    ['MAINTENANCE', 5],
    ['ERROR', 3],
  ])('has workstations %s: about %i percent', (status, percent) => {
    const count = workstations.filter((row) => row.status === status).length;
    expect(Math.abs((count / workstations.length) * 100 - percent)).toBeLessThan(2);
  });

  test('reports usages in percent with one decimal, or none if never seen', () => {
    const isUsage = (usage: number | null) =>
      usage !== null && usage >= 0 && usage <= 100 && usage === Number(usage.toFixed(1));
    const isRight = (row: (typeof workstations)[number]) =>
      usagesOf(row).every(row.last_seen_at === null ? (usage) => usage === null : isUsage);
    expect(workstations.filter((row) => !isRight(row))).toEqual([]);
  });

  test('last saw offline workstations long before any online one, and some never', () => {
    const lastSeen = (status: string) =>
      workstations
        .filter((row) => row.status === status && row.last_seen_at !== null)
        .map((row) => Date.parse(row.last_seen_at!));
    expect(Math.max(...lastSeen('OFFLINE'))).toBeLessThan(Math.min(...lastSeen('ONLINE')));

    const neverSeen = workstations.filter((row) => row.last_seen_at === null);
    expect(neverSeen.length).toBeGreaterThan(0);
    expect(new Set(neverSeen.map((row) => row.status))).toEqual(new Set(['OFFLINE']));
  });

  test('assigns workstations unevenly to its managers, and leaves about 6 percent unmanaged', () => {
    const fleetSizes = new Map<string | null, number>();
    for (const { manager_id } of workstations) fleetSizes.set(manager_id, (fleetSizes.get(manager_id) ?? 0) + 1);
    const unmanagedCount = fleetSizes.get(null) ?? 0;
    expect(Math.abs((unmanagedCount / workstations.length) * 100 - 6)).toBeLessThan(2);

    fleetSizes.delete(null);
    const managerIds = new Set<string | null>(managers.map((row) => row.id));
    expect([...fleetSizes.keys()].filter((id) => !managerIds.has(id))).toEqual([]);
    expect(Math.max(...fleetSizes.values())).toBeGreaterThan(5 * Math.min(...fleetSizes.values()));
  });

  test('leaves every workstation unmanaged without managers', () => {
    const orphans = fleet({ managers: 0, workstations: 50 }).workstations;
    expect(new Set(orphans.map((row) => row.manager_id))).toEqual(new Set([null]));
  });
});
