import { setTimeout as sleep } from 'node:timers/promises';
import type { World } from './fleet.ts';
import type { Resumption, Subscription } from './history.ts';
import type { Instance } from './instances.ts';
import type { Random } from './random.ts';
import type { Observer } from './reads.ts';
import { receive, type StreamedResult } from './streams.ts';

const DOCUMENT = `subscription ($since: String) { workstationChanged(since: $since) { kind id position
  workstation { id version createdAt name operatingSystem status cpuUsage } } }`;

const RETRY_MS = 100;

interface Client {
  readonly token: string;
  readonly observer: Observer;
  /** Ends the subscriber. */
  readonly signal: AbortSignal;
}

/** Subscribes to every change on one instance, and reconnects whenever the socket closes, until `signal` aborts. */
export async function runSubscriber(world: World, instance: Instance, client: Client): Promise<void> {
  const { history, now } = world;
  const { token, signal } = client;
  const { number, url } = instance;
  while (!signal.aborted) {
    const subscription: Subscription = { instance: number, openedAtMs: now(), closedAtMs: null, events: [] };
    history.subscriptions.push(subscription);
    const onResult = (result: StreamedResult) => void noteEvent(world, subscription, number, client, result);
    await receive('websocket', { url, token, query: DOCUMENT, onResult }, signal);
    // A subscription that is still open at the end of the run is closed here.
    subscription.closedAtMs ??= now();
    await sleep(RETRY_MS);
  }
}

/** Notes an event. Returns its position; `null`: it was none. */
function noteEvent(
  { history, now }: World,
  subscription: Subscription,
  instance: number,
  { observer }: Client,
  { data, errors }: StreamedResult,
): string | null {
  const atMs = now();
  if (errors || !data) {
    history.anomalies.push({ atMs, text: `Instance ${instance} told subscribers: ${JSON.stringify(errors)}` });
    return null;
  }
  const { kind, id, position, workstation } = data.workstationChanged;
  if (atMs >= history.judgedFromMs) {
    subscription.events.push({ atMs, kind, id, row: workstation && observer.workstation(workstation) });
  }
  return position;
}

const SOON_MS = { min: 20, max: 300 };
const LONGEST_ABSENCE_MS = 1000;
const LATER_MS = { min: 300, max: 3000 };

/**
 * Subscribes to every change, is cut off again and again, and goes on from its last position on any instance. Stays
 * connected once the run has stopped, until `signal` aborts.
 */
export async function runResumingSubscriber(
  world: World,
  instances: readonly Instance[],
  client: Client,
  random: Random,
): Promise<void> {
  const { history, now } = world;
  const { token, signal } = client;
  const resumptions: Resumption[] = [];
  const common = { instance: instances[0]!.number, openedAtMs: now(), closedAtMs: null };
  const subscription: Subscription = { ...common, events: [], resumptions };
  history.subscriptions.push(subscription);
  let since: string | null = null;
  while (!signal.aborted) {
    const { number, url } = random.pick(instances);
    const transport = random.pick(['websocket', 'sse'] as const);
    const { min, max } = random.pick([SOON_MS, LATER_MS]);
    const cut = new AbortController();
    const timer = setTimeout(() => world.isStopping() || cut.abort(), random.whole(min, max));
    const onResult = (result: StreamedResult, eventId?: string) => {
      since = noteEvent(world, subscription, number, client, result) ?? since;
      if (eventId === undefined || eventId === since) return;
      history.anomalies.push({
        atMs: now(),
        text: `Instance ${number} sent the position ${since} with the id ${eventId}.`,
      });
    };
    const resumption: Resumption = { atMs: now(), instance: number };
    resumptions.push(resumption);
    const from = transport === 'sse' ? { lastEventId: since } : { variables: { since } };
    await receive(transport, { url, token, query: DOCUMENT, ...from, onResult }, AbortSignal.any([signal, cut.signal]));
    resumption.untilMs = now();
    clearTimeout(timer);
    // Now and then it is away for long enough to miss something.
    await sleep(cut.signal.aborted ? random.pick([0, random.whole(0, LONGEST_ABSENCE_MS)]) : RETRY_MS);
  }
  subscription.closedAtMs = now();
}
