/**
 * A believable fleet to try things on, of any size. Pure: the same arguments give the same rows on every machine and
 * every day, because time stands still at `DEMO_EPOCH_MS` and chance comes from `seed`.
 */

/** Now, as far as the demo fleet is concerned: no row knows of anything later. 2026-01-01T00:00:00Z. */
export const DEMO_EPOCH_MS = Date.UTC(2026, 0, 1);

/** A row of table `manager`, ready for insertion. Times are ISO 8601 with milliseconds, in UTC. */
export interface ManagerRow {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly created_at: string;
  readonly updated_at: string;
}

/** A row of table `workstation`, ready for insertion. Usages are percent, 0 to 100; null while never seen. */
export interface WorkstationRow {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  readonly ip_address: string;
  readonly operating_system: string;
  readonly status: Status;
  readonly cpu_usage: number | null;
  readonly memory_usage: number | null;
  readonly disk_usage: number | null;
  readonly last_seen_at: string | null;
  readonly manager_id: string | null;
  readonly created_at: string;
  readonly updated_at: string;
}

type Status = 'ONLINE' | 'OFFLINE' | 'MAINTENANCE' | 'ERROR';

export interface DemoFleetOptions {
  readonly managers: number;
  readonly workstations: number;
  /** Any integer; another seed gives another fleet of the same shape. Default 1. */
  readonly seed?: number;
}

/**
 * The rows of a demo fleet, made one by one as they are asked for, so a fleet of any size needs no memory. Both
 * iterables can be walked any number of times.
 *
 * Ids, manager emails and workstation names are unique at any size, IPv4 addresses up to a million workstations.
 * A row depends on its place alone, so a larger fleet starts with the rows of a smaller one; who manages a workstation
 * also depends on how many managers there are. About 6 % of the workstations are managed by nobody, and all of them
 * if there are no managers.
 *
 * @throws {RangeError} when a count is not a whole number of at least 0, or `seed` is not an integer
 */
export function demoFleet(options: DemoFleetOptions): {
  managers: Iterable<ManagerRow>;
  workstations: Iterable<WorkstationRow>;
} {
  const { managers, workstations, seed = 1 } = options;
  assertCount('managers', managers);
  assertCount('workstations', workstations);
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed must be an integer, got ${seed}`);
  return {
    managers: rows(managers, (index) => managerAt(index, seed)),
    workstations: rows(workstations, (index) => workstationAt(index, seed, managers)),
  };
}

function assertCount(option: string, count: number): void {
  if (Number.isSafeInteger(count) && count >= 0) return;
  throw new RangeError(`${option} must be a whole number of at least 0, got ${count}`);
}

function rows<Row>(count: number, rowAt: (index: number) => Row): Iterable<Row> {
  return {
    *[Symbol.iterator]() {
      for (let index = 0; index < count; index += 1) yield rowAt(index);
    },
  };
}

// Managers

function managerAt(index: number, seed: number): ManagerRow {
  const { id, createdAtMs, random } = managerOrigin(index, seed);
  const updatedAtMs = between(random, createdAtMs, DEMO_EPOCH_MS);
  return { id, ...personAt(index), created_at: isoTime(createdAtMs), updated_at: isoTime(updatedAtMs) };
}

/** Apart from the rest of the row, because every workstation asks for its manager's id. */
function managerOrigin(index: number, seed: number) {
  const random = randomFor('manager', index, seed);
  const createdAtMs = timeAgo(between(random, 100 * DAY_MS, 2000 * DAY_MS));
  return { id: uuidV7(createdAtMs, index, random), createdAtMs, random };
}

/** Nobody meets the same name twice: once all pairs of first and last names are taken, middle initials follow. */
function personAt(index: number): { name: string; email: string } {
  const pairs = FIRST_NAMES.length * LAST_NAMES.length;
  // A stride that shares no factor with the number of pairs visits each pair once, in an order that looks like none.
  const pair = ((index % pairs) * PAIR_STRIDE) % pairs;
  const first = FIRST_NAMES[pair % FIRST_NAMES.length]!;
  const last = LAST_NAMES[Math.floor(pair / FIRST_NAMES.length)]!;
  const initials = initialsOf(Math.floor(index / pairs));
  const name = [first, ...initials.map((initial) => `${initial}.`), last].join(' ');
  const email = `${[first, ...initials, last].map(emailWord).join('.')}@fleet.example`;
  return { name, email };
}

/** 0 gives none, 1 to 26 A to Z, 27 and on two initials, and so forth. */
function initialsOf(round: number): string[] {
  if (round === 0) return [];
  const letter = String.fromCharCode(65 + ((round - 1) % 26));
  return [...initialsOf(Math.floor((round - 1) / 26)), letter];
}

function emailWord(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[^A-Za-z]/g, '')
    .toLowerCase();
}

const PAIR_STRIDE = 2887;

const FIRST_NAMES = words(`
  Ada Adaeze Aisha Akira Alejandro Amara Amélie Anna Arjun Astrid Beatriz Ben Camille Carlos Chiara Chloé Clara Daniel
  David Diego Elena Elif Emeka Emma Erik Fatima Felix Freya Gabriel Grace Hana Hugo Ines Ingrid Isaac Ivan James Jonas
  José Julia Kaito Katarzyna Kofi Lars Layla Leila Linh Lucas Maja Marta Mateo Mei Mia Milan Minh Mohammed Nadia Naomi
  Nia Noah Nora Olga Oliver Omar Paula Pedro Priya Rafael Ravi Rosa Ruth Samira Sara Sofia Tariq Theo Thuy Tomás Wei
  Yara Yuki Yusuf Zanele Zoë`);

const LAST_NAMES = words(`
  Abebe Adeyemi Ahmed Almeida Andersson Bakker Baptiste Berger Bianchi Chen Cohen Costa Demir Diallo Dubois Eriksen
  Fernández Ferrari Fischer Fontaine Garcia Gruber Haddad Hansen Hassan Hoffmann Horvat Ibrahim Ito Ivanova Jansen
  Johansson Jones Kapoor Keller Khan Kim Kowalski Kumar Laurent Lehmann Lima Lindqvist Lopez Martin Mbeki Meyer Moreau
  Morgan Müller Murphy Nakamura Navarro Nguyen Novak Nowak Okafor Okonkwo Oliveira Olsen Patel Pereira Petrov Popescu
  Quinn Rahman Reyes Richter Rossi Santos Sato Schneider Sharma Silva Singh Suzuki Takahashi Tanaka Tran Vargas Virtanen
  Wagner Walker Weber Williams Wolf Wong Yamamoto Yilmaz Zhang`);

// Workstations

function workstationAt(index: number, seed: number, managers: number): WorkstationRow {
  const random = randomFor('workstation', index, seed);
  const status = pick(random, STATUSES);
  const life = status === 'OFFLINE' && random() < 0.1 ? neverSeen(random) : lifeUntilNow(status, random);
  const id = uuidV7(life.createdAtMs, index, random);
  const site = Math.floor(random() ** 2 * SITES.length);
  const team = pick(random, TEAMS);
  const name = `${SITES[site]}-${team.code}-${String(index + 1).padStart(4, '0')}`;
  return {
    id,
    name,
    hostname: `${name.toLowerCase()}.fleet.example`,
    ip_address: random() < 0.03 ? ipv6Address(site, index) : ipv4Address(site, index),
    operating_system: pick(random, team.systems),
    status,
    ...(life.lastSeenAtMs === null ? NO_TELEMETRY : telemetry(status, random)),
    last_seen_at: life.lastSeenAtMs === null ? null : isoTime(life.lastSeenAtMs),
    manager_id: managerIdFor(random, managers, seed),
    created_at: isoTime(life.createdAtMs),
    // A machine's last report is the last thing that changed its row.
    updated_at: isoTime(life.lastSeenAtMs ?? life.createdAtMs),
  };
}

interface Life {
  readonly createdAtMs: number;
  readonly lastSeenAtMs: number | null;
}

/** Unpacked lately and not switched on yet. */
function neverSeen(random: Random): Life {
  return { createdAtMs: timeAgo(between(random, 0, 14 * DAY_MS)), lastSeenAtMs: null };
}

function lifeUntilNow(status: Status, random: Random): Life {
  const [latestMs, earliestMs] = SILENT_FOR_MS[status];
  return {
    createdAtMs: timeAgo(between(random, 61 * DAY_MS, 1500 * DAY_MS)),
    lastSeenAtMs: timeAgo(between(random, latestMs, earliestMs)),
  };
}

function telemetry(status: Status, random: Random) {
  const [cpuFrom, cpuTo] = CPU_RANGE[status];
  return {
    // Squared, because most machines idle most of the time.
    cpu_usage: percent(cpuFrom + (cpuTo - cpuFrom) * random() ** 2),
    memory_usage: percent(18 + 78 * random()),
    disk_usage: percent(9 + 90 * random()),
  };
}

/** The first managers have the largest fleets: squaring the draw gives the first tenth of them about a third. */
function managerIdFor(random: Random, managers: number, seed: number): string | null {
  const isUnmanaged = random() < 0.06;
  const draw = random();
  return isUnmanaged || managers === 0 ? null : managerOrigin(Math.floor(draw ** 2 * managers), seed).id;
}

/** Sixteen networks of 10.0.0.0/8 for each site, 254 machines to a subnet; comes round after 1,040,384 machines. */
function ipv4Address(site: number, index: number): string {
  const subnet = Math.floor(index / 254) % 4096;
  return `10.${site * 16 + Math.floor(subnet / 256)}.${subnet % 256}.${(index % 254) + 1}`;
}

/** Unique local addresses; no group is zero, so that the text is the canonical one of RFC 5952. */
function ipv6Address(site: number, index: number): string {
  const groups = [site + 1, Math.floor(index / 0xffff) + 1, (index % 0xffff) + 1];
  const [network, subnet, host] = groups.map((group) => group.toString(16));
  return `fd42:f1ee:${network}:${subnet}::${host}`;
}

function percent(value: number): number {
  return Math.round(value * 10) / 10;
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

const STATUSES: Weighted<Status> = [
  [78, 'ONLINE'],
  [14, 'OFFLINE'],
  [5, 'MAINTENANCE'],
  [3, 'ERROR'],
];

/** How long ago a machine was last heard of: at least, at most. */
const SILENT_FOR_MS: Record<Status, readonly [number, number]> = {
  ONLINE: [0, 90 * SECOND_MS],
  OFFLINE: [HOUR_MS, 60 * DAY_MS],
  MAINTENANCE: [5 * MINUTE_MS, 3 * DAY_MS],
  ERROR: [0, 30 * MINUTE_MS],
};

/** Percent: from, to. What an offline machine shows is the last it reported. */
const CPU_RANGE: Record<Status, readonly [number, number]> = {
  ONLINE: [1, 98],
  OFFLINE: [1, 60],
  MAINTENANCE: [0.5, 20],
  ERROR: [55, 100],
};

const NO_TELEMETRY = { cpu_usage: null, memory_usage: null, disk_usage: null } as const;

// At most sixteen: each has sixteen of the 256 networks of 10.0.0.0/8.
const SITES = words('BER LON AMS PAR MAD MIL STO WAW NYC SFO TOR SAO NBO BLR SIN TYO');

const WINDOWS: Weighted<string> = [
  [58, 'Windows 11 24H2'],
  [22, 'Windows 11 25H2'],
  [12, 'Windows 11 23H2'],
  [8, 'Windows 10 22H2'],
];
const MACS: Weighted<string> = [
  [55, 'macOS 15.7'],
  [30, 'macOS 26.1'],
  [15, 'macOS 14.8'],
];
const LINUX: Weighted<string> = [
  [60, 'Ubuntu 24.04 LTS'],
  [20, 'Ubuntu 22.04 LTS'],
  [12, 'Fedora Linux 43'],
  [8, 'Debian GNU/Linux 13'],
];

const TEAMS: Weighted<{ readonly code: string; readonly systems: Weighted<string> }> = [
  [26, { code: 'DEV', systems: [...LINUX, ...MACS] }],
  [9, { code: 'OPS', systems: LINUX }],
  [8, { code: 'QA', systems: [...WINDOWS, ...LINUX] }],
  [9, { code: 'DSN', systems: MACS }],
  [16, { code: 'SAL', systems: WINDOWS }],
  [10, { code: 'SUP', systems: WINDOWS }],
  [8, { code: 'FIN', systems: WINDOWS }],
  [6, { code: 'HR', systems: WINDOWS }],
  [8, { code: 'LAB', systems: [...LINUX, ...WINDOWS] }],
];

// Chance, ids, time

/** Uniform in [0, 1). */
type Random = () => number;

type Weighted<Value> = readonly (readonly [weight: number, value: Value])[];

/** Every row draws from a stream of its own; rows of one table never share a starting state. */
function randomFor(table: 'manager' | 'workstation', index: number, seed: number): Random {
  const stream = Math.imul(seed, 0x85ebca6b) + (table === 'manager' ? 0x2545f491 : 0);
  return mulberry32(Math.imul(index, 0x9e3779b1) ^ stream);
}

/** Tommy Ettinger's mulberry32: 32 bits of state, plenty for make-believe and for nothing else. */
function mulberry32(state: number): Random {
  let counter = state;
  return () => {
    counter = (counter + 0x6d2b79f5) | 0;
    let mixed = Math.imul(counter ^ (counter >>> 15), counter | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function between(random: Random, from: number, to: number): number {
  return from + random() * (to - from);
}

function pick<Value>(random: Random, choices: Weighted<Value>): Value {
  const total = choices.reduce((sum, [weight]) => sum + weight, 0);
  let left = random() * total;
  const chosen = choices.find(([weight]) => {
    left -= weight;
    return left < 0;
  });
  return (chosen ?? choices[choices.length - 1]!)[1];
}

/**
 * RFC 9562: 48 bits of Unix time in milliseconds, version 7, variant 10. The last 32 bits are the row's index,
 * scattered by an odd factor: unique by construction, where drawn bits would only be unlikely to meet.
 */
function uuidV7(timeMs: number, index: number, random: Random): string {
  const time = hex(timeMs, 12);
  const version = hex(0x7000 + Math.floor(random() * 0x1000), 4);
  const variant = hex(0x8000 + Math.floor(random() * 0x4000), 4);
  const drawn = hex(Math.floor(random() * 0x10000), 4);
  const scattered = hex(Math.imul(index + 1, 0x9e3779b1) >>> 0, 8);
  return `${time.slice(0, 8)}-${time.slice(8)}-${version}-${variant}-${drawn}${scattered}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function timeAgo(elapsedMs: number): number {
  return DEMO_EPOCH_MS - Math.floor(elapsedMs);
}

function isoTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
