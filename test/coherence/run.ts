import { setTimeout as sleep } from 'node:timers/promises';
import { startRedis } from '../support/redis.ts';
import { type Api, createApi } from './api.ts';
import type { RunOptions } from './arguments.ts';
import { createRunDatabase, type RunDatabase } from './database.ts';
import { seedFleet, type World } from './fleet.ts';
import { createApiGate, createSqlGate } from './gates.ts';
import { createHistory, createStopwatch, type FinalRow, type History, type RowLog, type Write } from './history.ts';
import { createInstance, type Instance, signToken } from './instances.ts';
import { runLiveReader } from './live-readers.ts';
import { runNemeses, untilReady } from './nemesis.ts';
import { createRandom, type Random } from './random.ts';
import { probe, readBack, readEverything, runFastReader, runReader, type Session } from './readers.ts';
import { createObserver } from './reads.ts';
import { printProgress } from './report.ts';
import { createSql, type Sql } from './sql.ts';
import { runResumingSubscriber, runSubscriber } from './subscribers.ts';
import { createTurnstile } from './turnstile.ts';
import { runJanitor, runWriter, type Writer } from './writers.ts';

const FLEET = { managers: 5, workstations: 50 };
const WRITERS = { perInstance: 2, plainSql: 2 };
const READERS_PER_INSTANCE = 3;
const FAST_READERS_PER_INSTANCE = 8;
const LIVE_READERS = ['websocket', 'websocket', 'websocket', 'sse'] as const;
const RESUMING_SUBSCRIBERS = 2;
const PROGRESS_MS = 5000;

/** Starts everything, runs it, cleans up, and returns the history. */
export async function run(options: RunOptions): Promise<History> {
  const started: (() => Promise<unknown>)[] = [];
  const interrupted = onInterrupt();
  const database = await createRunDatabase(options.programs);
  started.push(() => database.remove());
  try {
    return await Promise.race([play(options, database, started), interrupted.promise]);
  } finally {
    for (const stop of started.reverse()) await stop();
    // Only after the clean-up: a second signal, such as npm's beside the terminal's, must not leave servers behind.
    interrupted.forget();
  }
}

async function play(options: RunOptions, database: RunDatabase, started: (() => Promise<unknown>)[]): Promise<History> {
  const random = createRandom(options.seed);
  const history = createHistory();
  const now = createStopwatch();
  const managers: RowLog[] = [];
  let isStopping = false;
  let writeNumber = 0;
  const world: World = {
    history,
    now,
    managers,
    workstations: [],
    uncertain: [],
    doomed: new Map(),
    owned: [],
    turnstile: createTurnstile(),
    nextWriteNumber: () => ++writeNumber,
    isStopping: () => isStopping,
  };
  const openSql = () => {
    const sql = createSql(database);
    started.push(() => sql.close());
    return sql;
  };

  const redis = options.redis ? await startRedis() : null;
  if (redis) started.push(() => redis.close());
  const instances = await startInstances(options, { database, redisUrl: redis?.url ?? null }, world, started);
  await seedFleet(world, managers, FLEET, openSql());
  const tokens = { operator: await signToken('OPERATOR'), admin: await signToken('ADMIN') };
  const observer = createObserver();
  const openSession = (role: string, { number }: Instance): Session => {
    const api = createApi(instances[number - 1]!, tokens.operator);
    started.push(async () => api.close());
    return { name: `${role} of instance ${number}`, instance: number, api, observer };
  };

  const ending = new AbortController();
  const client = { token: tokens.operator, observer, signal: ending.signal };
  const resuming = Array.from({ length: RESUMING_SUBSCRIBERS }, (_unused, index) =>
    runResumingSubscriber(world, instances, client, random.fork(`resuming subscriber ${index}`)),
  );
  const following = instances.flatMap((instance) => [
    runSubscriber(world, instance, client),
    ...LIVE_READERS.map((transport, index) => {
      const name = `live reader ${index + 1} of instance ${instance.number} (${transport})`;
      return runLiveReader(world, { ...client, name, instance, transport, random: random.fork(name) });
    }),
  ]);
  const { programs, deltaMs } = options;
  const scene = { world, instances, random: random.fork('nemesis'), database, programs, redis, deltaMs };
  const probing = createProbing(
    world,
    instances.map((instance) => openSession('prober', instance)),
    random,
  );
  const busy = [
    ...createWriters(world, instances, { random, openSession, openSql, probing }).map((writer) =>
      runWriter(world, writer),
    ),
    runJanitor(world, openSql()),
    ...instances.flatMap((instance) =>
      Array.from({ length: READERS_PER_INSTANCE }, (_unused, index) =>
        runReader(
          world,
          openSession(`reader ${index + 1}`, instance),
          random.fork(`reader ${instance.number} ${index}`),
        ),
      ),
    ),
    ...instances.flatMap((instance) =>
      Array.from({ length: FAST_READERS_PER_INSTANCE }, (_unused, index) => {
        const name = `fast reader ${index + 1}`;
        return runFastReader(world, openSession(name, instance), random.fork(`${name} ${instance.number}`));
      }),
    ),
    runClearer(
      world,
      instances.map((instance) => createApi(instance, tokens.admin)),
      random.fork('clearer'),
    ),
    runNemeses(scene, options.nemeses),
  ];
  const progress = setInterval(() => printProgress(now(), history), PROGRESS_MS);
  try {
    // No task of `busy` finishes before the run stops, but one may fail.
    await Promise.race([sleep(options.seconds * 1000), Promise.all([sleep(options.seconds * 1000), ...busy])]);
    isStopping = true;
    await Promise.all(busy);
    await untilReady(instances);
    await sleep(Math.max(options.deltaMs, options.liveDeltaMs) + 500);
    history.finalRows = await readFinalRows(openSql());
    for (const instance of instances) await readEverything(world, openSession('final reader', instance));
    history.audits.push(...(await readAudits(instances, tokens.admin)));
    if (redis) history.redisReads = await countRedisReads(instances, tokens.admin);
    for (const live of history.liveQueries) live.isFinal = live.closedAtMs === null;
    ending.abort();
    await Promise.all([...following, ...resuming]);
  } finally {
    clearInterval(progress);
    isStopping = true;
    ending.abort();
  }
  return history;
}

async function startInstances(
  { changeFeed, instances: count, sabotage }: RunOptions,
  places: { readonly database: RunDatabase; readonly redisUrl: string | null },
  { history, now }: World,
  started: (() => Promise<unknown>)[],
): Promise<Instance[]> {
  const instances: Instance[] = [];
  for (let number = 1; number <= count; number++) {
    const onCrash = (text: string) => history.anomalies.push({ atMs: now(), text });
    const instance = await createInstance({ number, ...places, changeFeed, sabotage, onCrash });
    started.push(() => instance.destroy());
    instances.push(instance);
    await instance.start();
  }
  // Only where every instance decodes can it do without the triggers.
  if (changeFeed === 'logical') await switchTriggersOff(places.database);
  return instances;
}

async function switchTriggersOff(database: RunDatabase): Promise<void> {
  const sql = createSql(database);
  await sql.run({ text: 'select stationmaster_notify_changes(false)' });
  await sql.close();
}

interface WriterParts {
  readonly random: Random;
  readonly openSession: (role: string, instance: Instance) => Session;
  readonly openSql: () => Sql;
  readonly probing: (via: number | null, row: RowLog, write: Write) => void;
}

const READ_BACK_CHANCE = 0.4;
const READ_ELSEWHERE_CHANCE = 0.4;
const RACING_READ_CHANCE = 0.3;

function createWriters(
  world: World,
  instances: readonly Instance[],
  { random: seeded, openSession, openSql, probing }: WriterParts,
): Writer[] {
  const total = instances.length * WRITERS.perInstance + WRITERS.plainSql;
  const share = (rows: readonly RowLog[], index: number) => rows.filter((_row, place) => place % total === index);
  return Array.from({ length: total }, (_unused, index) => {
    const instance = instances[Math.floor(index / WRITERS.perInstance)];
    const random = seeded.fork(`writer ${index}`);
    const writing = instance && openSession(`writer ${index}`, instance).api;
    const gate = instance ? createApiGate(instance.number, writing!) : createSqlGate(openSql());
    const back = instance && openSession(`writer ${index} reading back`, instance);
    const other = instance && instances[instance.number % instances.length]!;
    const elsewhere = other && other !== instance && openSession(`writer ${index} reading elsewhere`, other);
    const workstations = share(world.workstations, index);
    world.owned.push(workstations);
    return {
      gate,
      random,
      workstations,
      size: Math.ceil(FLEET.workstations / total),
      managers: share(world.managers, index),
      onInvoked: createRacing(
        world,
        openSession(`racer of writer ${index}`, instance ?? seeded.pick(instances)),
        random,
      ),
      onAnswered: async (row, write) => {
        probing(gate.via, row, write);
        if (back && random.chance(READ_BACK_CHANCE)) await readBack(world, back, row, random);
        const position = writing?.position;
        if (elsewhere && position && random.chance(READ_ELSEWHERE_CHANCE)) {
          await readBack(world, elsewhere, row, random, { after: write, position });
        }
      },
    };
  });
}

/** Reads rows during their writes, one at a time, so that the answer may be in flight when the change is announced. */
function createRacing(world: World, session: Session, random: Random): Writer['onInvoked'] {
  let isBusy = false;
  return (row) => {
    if (isBusy || !random.chance(RACING_READ_CHANCE)) return;
    isBusy = true;
    readBack(world, session, row, random).finally(() => {
      isBusy = false;
    });
  };
}

const PROBE_CHANCE = 0.2;

/** Probes the other instances for some of the writes, one write at a time per instance. */
function createProbing(world: World, probers: readonly Session[], seeded: Random): WriterParts['probing'] {
  const random = seeded.fork('probes');
  const isBusy = new Set<Session>();
  return (via, row, write) => {
    for (const prober of probers) {
      if (prober.instance === via || isBusy.has(prober) || !random.chance(PROBE_CHANCE)) continue;
      isBusy.add(prober);
      probe(world, prober, row, write).finally(() => isBusy.delete(prober));
    }
  };
}

/** Clears or invalidates parts of the caches at random times, so that they are not always warm. */
async function runClearer(world: World, admins: readonly Api[], random: Random): Promise<void> {
  while (!world.isStopping()) {
    await sleep(random.whole(500, 2500));
    const document = random.pick([
      'mutation { clearCache { entriesRemoved } }',
      'mutation { invalidateCache(pattern: "workstations_*") { entriesRemoved } }',
      'mutation { invalidateCache(pattern: "workstations_list_*") { entriesRemoved } }',
    ]);
    await random
      .pick(admins)
      .ask(document)
      .catch(() => {});
  }
  for (const admin of admins) admin.close();
}

async function countRedisReads(instances: readonly Instance[], token: string): Promise<History['redisReads']> {
  const total = { hits: 0, misses: 0 };
  for (const instance of instances) {
    const api = createApi(instance, token);
    const { data } = await api.ask('{ cacheStats { layers { name hits misses } } }');
    api.close();
    const layer = data.cacheStats.layers.find(({ name }: { name: string }) => name === 'redis');
    total.hits += layer?.hits ?? 0;
    total.misses += layer?.misses ?? 0;
  }
  return total;
}

async function readAudits(instances: readonly Instance[], token: string): Promise<History['audits']> {
  const audits: History['audits'] = [];
  for (const instance of instances) {
    const api = createApi(instance, token);
    const { data } = await api.ask('{ performanceMetrics { audit { audited stale } } }');
    api.close();
    audits.push({ instance: instance.number, ...data.performanceMetrics.audit });
  }
  return audits;
}

async function readFinalRows(sql: Sql): Promise<FinalRow[]> {
  const [workstations, managers] = await sql.run<any>(
    { text: 'select * from workstation' },
    { text: 'select * from manager' },
  );
  return [
    ...workstations!.map((row): FinalRow => ({ ...common('workstation', row), fields: workstationFields(row) })),
    ...managers!.map((row): FinalRow => ({ ...common('manager', row), fields: { name: row.name } })),
  ];
}

function common(table: RowLog['table'], { id, version, created_at, last_seen_at }: any) {
  return {
    table,
    id,
    version,
    createdAtMs: created_at.getTime(),
    lastSeenAtMs: last_seen_at?.getTime() ?? null,
  };
}

function workstationFields({ name, operating_system, status, manager_id, cpu_usage }: any) {
  return { name, operatingSystem: operating_system, status, managerId: manager_id, cpuUsage: cpu_usage };
}

function onInterrupt() {
  const { promise, reject } = Promise.withResolvers<never>();
  const interrupt = () => reject(new Error('Interrupted.'));
  process.on('SIGINT', interrupt).on('SIGTERM', interrupt);
  promise.catch(() => {});
  return { promise, forget: () => process.off('SIGINT', interrupt).off('SIGTERM', interrupt) };
}
