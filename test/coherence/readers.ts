import { setTimeout as sleep } from 'node:timers/promises';
import type { Api } from './api.ts';
import { STATUSES, type World } from './fleet.ts';
import type { ListQuery, Observed, Read, ReadAfter, RowLog, Write } from './history.ts';
import type { Random } from './random.ts';
import {
  countRequest,
  firstPageRequest,
  listRequest,
  nestedRequest,
  type Observer,
  type ReadRequest,
  recordRequest,
} from './reads.ts';
import { summaryRequest } from './summary-reads.ts';

/** One reader on one connection to one instance. */
export interface Session {
  readonly name: string;
  readonly instance: number;
  readonly api: Api;
  readonly observer: Observer;
}

const NEWEST_FIRST = { field: 'CREATED_AT', direction: 'DESC' } as const;
const WHOLE_LIST: ListQuery = { orderBy: NEWEST_FIRST, first: 500, after: null };

const LONGEST_PAUSE_MS = 12;
const PAUSE_AFTER_FAILURE_MS = 50;

/** Reads until the run stops, with a random kind of read each time. */
export async function runReader(world: World, session: Session, random: Random): Promise<void> {
  while (!world.isStopping()) {
    const read = await readSomething(world, session, random).catch(() => null);
    await sleep(read ? random.whole(0, LONGEST_PAUSE_MS) : PAUSE_AFTER_FAILURE_MS);
  }
}

/** Reads one thing right after the other, mostly single workstations, so that many answers come from the caches. */
export async function runFastReader(world: World, session: Session, random: Random): Promise<void> {
  while (!world.isStopping()) {
    const request = random.chance(0.95)
      ? recordRequest([random.pick(world.workstations).id!], session.observer)
      : countRequest({ ...WHOLE_LIST, status: [random.pick(STATUSES)] });
    const read = await readOnce(world, session, request).catch(() => null);
    if (!read) await sleep(PAUSE_AFTER_FAILURE_MS);
  }
}

async function readSomething(world: World, session: Session, random: Random): Promise<Read> {
  const { observer } = session;
  const dice = random.next();
  if (dice < 0.45) {
    const count = random.chance(0.2) ? 3 : 1;
    const ids = new Set(Array.from({ length: count }, () => random.pick(world.workstations).id!));
    return readOnce(world, session, recordRequest([...ids], observer));
  }
  const withCount = random.chance(0.5);
  const manager = random.pick(world.managers).id!;
  const status = random.shuffle(STATUSES).slice(0, random.whole(1, 2)).sort();
  if (dice < 0.55) return readOnce(world, session, listRequest(WHOLE_LIST, { withCount }, observer));
  if (dice < 0.65) return readOnce(world, session, listRequest({ ...WHOLE_LIST, status }, { withCount }, observer));
  if (dice < 0.72) {
    const query = random.chance(0.3) ? { ...WHOLE_LIST, unmanaged: true } : { ...WHOLE_LIST, managerId: manager };
    return readOnce(world, session, listRequest(query, { withCount }, observer));
  }
  if (dice < 0.8) return readOnce(world, session, listRequest(someOrderedPage(random), { withCount }, observer));
  if (dice < 0.87) return readTwoPages(world, session, random);
  if (dice < 0.93) {
    const isBackward = random.chance(0.4);
    const query = random.chance(0.5) ? WHOLE_LIST : { ...WHOLE_LIST, isBackward, first: 5, status };
    return readOnce(world, session, nestedRequest(query, { withCount }, observer));
  }
  const query = random.chance(0.5) ? { ...WHOLE_LIST, status } : WHOLE_LIST;
  if (dice < 0.97) return readOnce(world, session, countRequest(query));
  return readOnce(world, session, summaryRequest(query, { withSystems: random.chance(0.5) }));
}

function someOrderedPage(random: Random): ListQuery {
  const field = random.pick(['NAME', 'STATUS', 'CPU_USAGE', 'LAST_SEEN_AT'] as const);
  const direction = random.pick(['ASC', 'DESC'] as const);
  const filter = random.chance(0.3) ? { nameContains: random.pick(['a', '1', 'F']) } : {};
  const isBackward = random.chance(0.4);
  return { ...filter, orderBy: { field, direction }, isBackward, first: random.pick([5, 15]), after: null };
}

async function readTwoPages(world: World, session: Session, random: Random): Promise<Read> {
  const orderBy = random.pick([NEWEST_FIRST, { field: 'NAME', direction: 'ASC' } as const]);
  const query = { orderBy, isBackward: random.chance(0.4), first: random.pick([5, 10]), after: null };
  const first = firstPageRequest(query, session.observer);
  let second: ReadRequest | null = null;
  const parse = (data: Record<string, any>) => {
    second = first.next(data);
    return first.parse(data);
  };
  const read = await readOnce(world, session, { ...first, parse });
  return second ? readOnce(world, session, second) : read;
}

interface ReadSettings {
  readonly isFinal?: boolean;
  /** The write whose position the read carries, and that position. */
  readonly after?: ReadAfter;
  readonly position?: string;
}

/** @throws {Error} for an error or a missing answer, which is also counted */
export async function readOnce(
  { history, now }: World,
  { name, instance, api }: Session,
  { query, variables, parse }: ReadRequest,
  { isFinal = false, after, position }: ReadSettings = {},
): Promise<Read> {
  const startedAtMs = now();
  try {
    const { data, isStale } = await api.ask(query, variables, position);
    const endedAtMs = now();
    const number = ++history.lastReadNumber;
    const parts = parse(data);
    const read: Read = { number, session: name, instance, startedAtMs, endedAtMs, isStale, isFinal, after, parts };
    if (startedAtMs >= history.judgedFromMs) history.reads.push(read);
    else history.unjudgedReads++;
    return read;
  } catch (error) {
    history.failedReads++;
    throw error;
  }
}

/**
 * Reads a writer's own change, or a list that may contain it: on the instance that answered the write, or on another one,
 * which then has to be told the write's position.
 */
export async function readBack(
  world: World,
  session: Session,
  row: RowLog,
  random: Random,
  settings?: ReadSettings,
): Promise<void> {
  const fields = row.writes.at(-1)!.fields;
  const status = typeof fields?.status === 'string' ? [fields.status] : undefined;
  const request = random.pick([
    recordRequest([row.id!], session.observer),
    listRequest(WHOLE_LIST, { withCount: true }, session.observer),
    listRequest({ ...WHOLE_LIST, status: status ?? ['ONLINE'] }, { withCount: false }, session.observer),
    countRequest({ ...WHOLE_LIST, status: status ?? ['ONLINE'] }),
    summaryRequest({ ...WHOLE_LIST, ...(status && random.chance(0.5) && { status }) }, { withSystems: true }),
  ]);
  await readOnce(world, session, request, settings).catch(() => {});
}

const LONGEST_PROBE_MS = 5000;

/** Reads from one instance until it shows a write that another instance answered. */
export async function probe(world: World, session: Session, row: RowLog, write: Write): Promise<void> {
  const answeredAtMs = write.answeredAtMs!;
  while (world.now() < answeredAtMs + LONGEST_PROBE_MS && !world.isStopping()) {
    const read = await readOnce(world, session, recordRequest([row.id!], session.observer)).catch(() => null);
    const [part] = read?.parts ?? [];
    if (!read || part?.kind !== 'record') {
      await sleep(PAUSE_AFTER_FAILURE_MS);
      continue;
    }
    const isSeen = part.row === null || (write.fields !== null && isAtLeast(part.row, write));
    if (!isSeen) continue;
    const { instance, startedAtMs: seenAtMs } = read;
    world.history.propagations.push({ instance, answeredAtMs, seenAtMs });
    return;
  }
}

/** The owner of the row waits, so that no report has followed. */
function isAtLeast({ version, fields }: Observed, { version: written, fields: values }: Write): boolean {
  return version > written || (version === written && fields.cpuUsage === values!.cpuUsage);
}

/** Every kind of read in the quiet phase at the end, when all must agree with PostgreSQL. */
export async function readEverything(world: World, session: Session): Promise<void> {
  const { observer } = session;
  const ids = world.workstations.map(({ id }) => id!);
  const orders = (['NAME', 'STATUS', 'CPU_USAGE', 'LAST_SEEN_AT', 'CREATED_AT'] as const).flatMap((field) =>
    (['ASC', 'DESC'] as const).map((direction) => ({ field, direction })),
  );
  const requests = [
    ...ids.map((id) => recordRequest([id], observer)),
    ...orders.flatMap((orderBy) =>
      [5, 15, 500, -5, -15].map((size) =>
        listRequest(
          { ...WHOLE_LIST, orderBy, isBackward: size < 0, first: Math.abs(size) },
          { withCount: true },
          observer,
        ),
      ),
    ),
    ...STATUSES.map((status) => listRequest({ ...WHOLE_LIST, status: [status] }, { withCount: true }, observer)),
    ...[{}, { unmanaged: true }, ...STATUSES.map((status) => ({ status: [status] }))].map((filter) =>
      summaryRequest({ ...WHOLE_LIST, ...filter }, { withSystems: true }),
    ),
    ...STATUSES.map((status) => countRequest({ ...WHOLE_LIST, status: [status] })),
    ...world.managers.map(({ id }) => listRequest({ ...WHOLE_LIST, managerId: id! }, { withCount: true }, observer)),
    ...['a', '1', 'F'].map((nameContains) =>
      listRequest({ ...WHOLE_LIST, nameContains }, { withCount: false }, observer),
    ),
    listRequest({ ...WHOLE_LIST, unmanaged: true }, { withCount: true }, observer),
    nestedRequest(WHOLE_LIST, { withCount: true }, observer),
    ...[false, true].map((isBackward) =>
      nestedRequest({ ...WHOLE_LIST, isBackward, first: 5, status: ['ONLINE'] }, { withCount: false }, observer),
    ),
  ];
  for (const request of requests) await readOnce(world, session, request, { isFinal: true });
}
