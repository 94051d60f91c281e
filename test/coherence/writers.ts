import { setTimeout as sleep } from 'node:timers/promises';
import { RefusedError } from './api.ts';
import {
  cpuUsage,
  createRow,
  currentFields,
  currentVersion,
  INITIAL_VALUES,
  invoke,
  operatingSystem,
  retire,
  STATUSES,
  type World,
  workstationName,
} from './fleet.ts';
import type { Gate, RowChange } from './gates.ts';
import type { Fields, RowLog, Write } from './history.ts';
import type { Random } from './random.ts';
import type { Sql } from './sql.ts';

export interface Writer {
  readonly gate: Gate;
  readonly random: Random;
  /** The workstations that only this writer writes. */
  readonly workstations: RowLog[];
  /** The number of workstations to keep. */
  readonly size: number;
  readonly managers: readonly RowLog[];
  /** Called for each write of an existing workstation while the write is in flight. */
  readonly onInvoked: (row: RowLog) => void;
  /** Called and awaited for each answered write of a workstation. */
  readonly onAnswered: (row: RowLog, write: Write) => Promise<void>;
}

const LONGEST_PAUSE_MS = 40;
/** With this length a row is too big to be announced with its content. */
const BIG_TEXT_LENGTH = 9000;

/** Writes until the run stops, one change after the other. */
export async function runWriter(world: World, writer: Writer): Promise<void> {
  while (!world.isStopping()) {
    await world.turnstile.pass(() => writeOnce(world, writer));
    await sleep(writer.random.whole(0, LONGEST_PAUSE_MS));
  }
}

async function writeOnce(world: World, writer: Writer): Promise<void> {
  const { random, workstations, size } = writer;
  const dice = random.next();
  if (workstations.length < size / 2 || (workstations.length < size && dice < 0.2)) return create(world, writer);
  if (dice < 0.05) return remove(world, writer);
  if (dice < 0.1 && writer.managers.length > 0) return renameManager(world, writer);
  if (dice < 0.3) return report(world, writer);
  return update(world, writer);
}

async function create(world: World, writer: Writer): Promise<void> {
  const { gate, random } = writer;
  const number = world.nextWriteNumber();
  const name = workstationName(number);
  const row = createRow(world, 'workstation', name);
  const given = { name, operatingSystem: operatingSystem(number), status: random.pick(STATUSES) };
  const fields = { ...INITIAL_VALUES, ...given, managerId: someManager(world, random) };
  const { cpuUsage: _unset, ...values } = fields;
  const write = invoke(world, row, { kind: 'create', via: gate.via, number, fields });
  await settle(world, writer, [row], [write], async () => {
    const { id, createdAtMs } = await gate.create(values);
    row.id = id;
    row.createdAtMs = createdAtMs;
    return [1];
  });
  if (write.outcome !== 'ok') return;
  world.workstations.unshift(row);
  writer.workstations.push(row);
}

async function update(world: World, writer: Writer): Promise<void> {
  const { gate, random } = writer;
  const count = gate.via === null && random.chance(0.2) ? 3 : 1;
  const changes = pickRows(writer, count).map((row) => {
    const number = world.nextWriteNumber();
    const isBig = gate.via === null && random.chance(0.01);
    const text = isBig ? operatingSystem(number).padEnd(BIG_TEXT_LENGTH, ' and so on') : operatingSystem(number);
    return { row, number, values: { operatingSystem: text, ...someMove(world, random) } };
  });
  await writeAll(world, writer, changes, (all) => gate.update(all));
}

async function report(world: World, writer: Writer): Promise<void> {
  const { gate, random } = writer;
  const changes = pickRows(writer, random.whole(1, 4)).map((row): PlannedChange => {
    const number = world.nextWriteNumber();
    const status: Fields = random.chance(0.2) ? { status: random.pick(STATUSES) } : {};
    const isBack = gate.via !== null && currentFields(row).status === 'OFFLINE';
    const implied: Fields = isBack ? { status: 'ONLINE' } : {};
    return { row, number, values: { cpuUsage: cpuUsage(number), ...status }, implied, isReport: true };
  });
  await writeAll(world, writer, changes, async (all) => {
    const stored = await gate.report(all);
    // The answer has no versions; each must be the same as before.
    return changes.map(({ row }) => (stored === changes.length ? currentVersion(row) : null));
  });
}

interface PlannedChange {
  readonly row: RowLog;
  readonly number: number;
  readonly values: Fields;
  /** What changes with it although it is not sent. */
  readonly implied?: Fields;
  readonly isReport?: boolean;
}

async function writeAll(
  world: World,
  writer: Writer,
  planned: readonly PlannedChange[],
  send: (changes: readonly RowChange[]) => Promise<(number | null)[]>,
): Promise<void> {
  const { via } = writer.gate;
  const writes = planned.map(({ row, number, values, implied, isReport }) => {
    const fields = { ...currentFields(row), ...implied, ...values };
    return invoke(world, row, { kind: 'update', via, number, fields, isReport });
  });
  const rows = planned.map(({ row }) => row);
  await settle(world, writer, rows, writes, () => send(planned.map(({ row, values }) => ({ id: row.id!, values }))));
}

async function renameManager(world: World, writer: Writer): Promise<void> {
  const row = writer.random.pick(writer.managers);
  // A manager with an unknown name is not written again, because managers are never deleted here.
  if (row.writes.some(({ outcome }) => outcome === 'unknown')) return;
  const number = world.nextWriteNumber();
  const name = `${row.name} write ${number}`;
  const write = invoke(world, row, { kind: 'update', via: writer.gate.via, number, fields: { name } });
  await settle(world, writer, [row], [write], async () => [await writer.gate.updateManager(row.id!, name)]);
}

async function remove(world: World, writer: Writer): Promise<void> {
  const { gate, random, workstations } = writer;
  const row = random.pick(workstations);
  const number = world.nextWriteNumber();
  const write = invoke(world, row, { kind: 'delete', via: gate.via, number, fields: null });
  await settle(world, writer, [row], [write], async () => {
    await gate.delete(row.id!);
    return [null];
  });
  if (write.outcome !== 'ok') return;
  workstations.splice(workstations.indexOf(row), 1);
  retire(world, row);
}

/**
 * Sends the invoked writes and records their outcome. The janitor deletes rows with an unknown outcome.
 * @param send returns the new version of each row
 */
async function settle(
  world: World,
  { workstations, gate, onInvoked, onAnswered }: Writer,
  rows: readonly RowLog[],
  writes: readonly Write[],
  send: () => Promise<(number | null)[]>,
): Promise<void> {
  let versions: (number | null)[];
  for (const row of rows) if (row.table === 'workstation' && row.id !== null) onInvoked(row);
  try {
    versions = await send();
  } catch (error) {
    const isRefused = error instanceof RefusedError;
    for (const write of writes) write.outcome = isRefused ? 'failed' : 'unknown';
    if (isRefused) noteRefusal(world, rows, gate, error);
    else for (const row of rows) giveUp(world, workstations, row);
    return;
  }
  const answeredAtMs = world.now();
  writes.forEach((write, index) => {
    const row = rows[index]!;
    const { version } = write;
    write.answeredAtMs = answeredAtMs;
    write.outcome = 'ok';
    if (write.kind !== 'delete' && versions[index] !== version) {
      const text = `Write ${write.number} of ${row.name} was answered with version ${versions[index]} instead of ${version}.`;
      world.history.anomalies.push({ atMs: answeredAtMs, text });
    }
  });
  await Promise.all(
    rows.map((row, index) => (row.table === 'workstation' ? onAnswered(row, writes[index]!) : undefined)),
  );
}

/** Only the owner writes a row, so a missing or changed row is the server's fault. */
function noteRefusal(world: World, rows: readonly RowLog[], { via }: Gate, { message }: RefusedError): void {
  if (!/^(NOT_FOUND|CONFLICT|STALE_VERSION|BAD_USER_INPUT)/.test(message)) return;
  const names = rows.map(({ name }) => name).join(', ');
  const text = `A write of ${names} through ${via === null ? 'plain SQL' : `instance ${via}`} was refused: ${message}`;
  world.history.anomalies.push({ atMs: world.now(), text });
}

function giveUp(world: World, workstations: RowLog[], row: RowLog): void {
  if (row.table !== 'workstation') return;
  const place = workstations.indexOf(row);
  if (place >= 0) workstations.splice(place, 1);
  world.uncertain.push(row);
}

/** Some rows are written often, others rarely: a missed change of a rarely written row stays visible for long. */
function pickRows({ random, workstations }: Writer, count: number): RowLog[] {
  const picked = new Set<RowLog>();
  for (let attempt = 0; attempt < count; attempt++) picked.add(random.pickSkewed(workstations));
  return [...picked];
}

/** A change that often moves the row from one list to another. */
function someMove(world: World, random: Random): Fields {
  const dice = random.next();
  if (dice < 0.35) return { status: random.pick(STATUSES) };
  if (dice < 0.6) return { managerId: someManager(world, random) };
  return {};
}

function someManager({ managers }: World, random: Random): string | null {
  return random.chance(0.25) ? null : random.pick(managers).id;
}

const RETRY_MS = 200;

/** Deletes the rows in an unknown state, and so learns the outcome of the unanswered writes. */
export async function runJanitor(world: World, sql: Sql): Promise<void> {
  const waiting = world.doomed;
  while (!world.isStopping() || world.uncertain.length > 0) {
    for (const row of world.uncertain.splice(0)) {
      const number = world.nextWriteNumber();
      const isDeletion = row.writes.at(-1)!.kind === 'delete';
      // An unanswered deletion is continued by this one.
      const write = isDeletion
        ? row.writes.at(-1)!
        : invoke(world, row, { kind: 'delete', via: null, number, fields: null });
      write.via = null;
      write.outcome = 'unknown';
      waiting.set(row, write);
    }
    for (const [row, deletion] of waiting) {
      if (await takeOut(world, row, deletion, sql)) waiting.delete(row);
    }
    await sleep(RETRY_MS);
  }
}

/** Returns whether the row is gone for good. */
async function takeOut(world: World, row: RowLog, deletion: Write, sql: Sql): Promise<boolean> {
  const text = `delete from workstation where name = $1
    returning operating_system as "operatingSystem", cpu_usage as "cpuUsage"`;
  let found: Fields | undefined;
  try {
    const [rows] = await sql.run<Fields>({ text, values: [row.name] });
    found = rows![0];
  } catch {
    return false;
  }
  // The row may still appear: its creation was never answered.
  if (!found && row.writes[0]!.outcome === 'unknown') return false;
  const answeredAtMs = world.now();
  const unanswered = row.writes.at(-2);
  if (found && unanswered?.outcome === 'unknown') {
    const { operatingSystem, cpuUsage } = unanswered.fields!;
    const happened = found.operatingSystem === operatingSystem && found.cpuUsage === cpuUsage;
    unanswered.outcome = happened ? 'ok' : 'failed';
    unanswered.answeredAtMs = happened ? answeredAtMs : null;
    unanswered.via = null;
  }
  deletion.answeredAtMs = answeredAtMs;
  deletion.outcome = 'ok';
  retire(world, row);
  return true;
}
