import { setTimeout as sleep } from 'node:timers/promises';
import { carried } from './eras.ts';
import { STATUSES, type World } from './fleet.ts';
import type { ListQuery, LiveAnswer, LiveQueryLog } from './history.ts';
import type { Instance } from './instances.ts';
import type { Random } from './random.ts';
import { countRequest, listRequest, nestedRequest, type Observer, type ReadRequest, recordRequest } from './reads.ts';
import { receive, type Transport } from './streams.ts';
import { summaryRequest } from './summary-reads.ts';

export interface LiveReader {
  readonly name: string;
  readonly instance: Instance;
  readonly transport: Transport;
  readonly token: string;
  readonly observer: Observer;
  readonly random: Random;
  /** Ends the reader. Until then its last query stays open, also after the run has stopped. */
  readonly signal: AbortSignal;
}

const RETRY_MS = 100;
const LONGEST_QUERY_MS = 12_000;

/** Opens one live query after the other, each for some seconds or until the server ends it. */
export async function runLiveReader(world: World, reader: LiveReader): Promise<void> {
  const { random, signal } = reader;
  for (let number = 1; !signal.aborted; number++) {
    const request = someLiveRequest(world, reader);
    const over = new AbortController();
    const end = () => over.abort();
    signal.addEventListener('abort', end);
    const timer = setTimeout(() => world.isStopping() || end(), random.whole(1000, LONGEST_QUERY_MS));
    await readLive(world, reader, { request, number, throttleMs: random.pick([100, 100, 300]) }, over.signal);
    clearTimeout(timer);
    signal.removeEventListener('abort', end);
    // The server has ended it, or could not be reached.
    if (!over.signal.aborted) await sleep(RETRY_MS);
  }
}

interface OneQuery {
  readonly request: ReadRequest;
  readonly number: number;
  readonly throttleMs: number;
}

async function readLive(
  { history, now }: World,
  { name, instance, transport, token }: LiveReader,
  { request: { query, variables, parse }, number, throttleMs }: OneQuery,
  signal: AbortSignal,
): Promise<void> {
  const live: LiveQueryLog = {
    name: `${number} of ${name}`,
    instance: instance.number,
    throttleMs,
    openedAtMs: now(),
    closedAtMs: null,
    isFinal: false,
    answers: [],
  };
  history.liveQueries.push(live);
  const onResult = ({ data, errors, extensions }: { data?: any; errors?: readonly unknown[]; extensions?: any }) => {
    const atMs = now();
    const parts = errors || !data ? null : parse(data);
    const answer: LiveAnswer = { atMs, isCarried: false, isStale: extensions?.stale === true, parts };
    if (atMs >= history.judgedFromMs) live.answers.push(answer);
    else live.answers.splice(0, live.answers.length, carried(answer, history.judgedFromMs));
  };
  const operation = { url: instance.url, token, query: liveText(query, throttleMs), variables, onResult };
  await receive(transport, operation, signal);
  live.closedAtMs = now();
}

/** The requests of reads are queries with variables. */
function liveText(query: string, throttleMs: number): string {
  return query.replace(/^query (\([^)]*\)) \{/, `query $1 @live(throttleMs: ${throttleMs}) {`);
}

const WHOLE_LIST: ListQuery = { orderBy: { field: 'CREATED_AT', direction: 'DESC' }, first: 500, after: null };

/** Some change with every write, others rarely: a lost answer stands until the next. */
function someLiveRequest(world: World, { random, observer }: LiveReader): ReadRequest {
  const status = [random.pick(STATUSES)];
  const managerId = random.pick(world.managers).id!;
  const narrow: ListQuery = {
    ...WHOLE_LIST,
    ...random.pick([{ status }, { managerId }, { unmanaged: true }, { status, managerId }]),
  };
  const dice = random.next();
  if (dice < 0.15) {
    const ids = new Set(Array.from({ length: random.pick([1, 3]) }, () => random.pick(world.workstations).id!));
    return recordRequest([...ids], observer);
  }
  if (dice < 0.25) return listRequest(WHOLE_LIST, { withCount: true }, observer);
  if (dice < 0.4) return listRequest({ ...narrow, first: random.pick([5, 500]) }, { withCount: true }, observer);
  if (dice < 0.5) {
    const orderBy = { field: random.pick(['NAME', 'STATUS', 'CPU_USAGE'] as const), direction: 'ASC' } as const;
    return listRequest({ ...WHOLE_LIST, orderBy, first: random.pick([5, 15]) }, { withCount: false }, observer);
  }
  if (dice < 0.65) return countRequest(random.chance(0.3) ? WHOLE_LIST : narrow);
  if (dice < 0.75) return nestedRequest({ ...WHOLE_LIST, first: 5, status }, { withCount: true }, observer);
  return summaryRequest(random.chance(0.3) ? WHOLE_LIST : narrow, { withSystems: random.chance(0.5) });
}
