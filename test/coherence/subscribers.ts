import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import type { World } from './fleet.ts';
import type { Subscription } from './history.ts';
import type { Instance } from './instances.ts';
import type { Observer } from './reads.ts';

const DOCUMENT = `subscription { workstationChanged { kind id
  workstation { id version createdAt name operatingSystem status cpuUsage } } }`;

const RETRY_MS = 100;

/** Subscribes to every change on one instance, and reconnects whenever the socket closes, until `signal` aborts. */
export async function runSubscriber(
  world: World,
  instance: Instance,
  { token, observer, signal }: { token: string; observer: Observer; signal: AbortSignal },
): Promise<void> {
  while (!signal.aborted) {
    await followOnce(world, instance, { token, observer, signal });
    await sleep(RETRY_MS);
  }
}

function followOnce(
  { history, now }: World,
  { number, url }: Instance,
  { token, observer, signal }: { token: string; observer: Observer; signal: AbortSignal },
): Promise<void> {
  const client = createClient({
    url: `${url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    connectionParams: { authorization: `Bearer ${token}` },
    retryAttempts: 0,
  });
  const subscription: Subscription = { instance: number, openedAtMs: now(), closedAtMs: null, events: [] };
  history.subscriptions.push(subscription);
  return new Promise((resolve) => {
    const end = () => {
      // A subscription that is still open at the end of the run is closed here.
      subscription.closedAtMs ??= now();
      signal.removeEventListener('abort', end);
      // `dispose` waits for a pending connection, and fails with it.
      Promise.resolve(client.dispose()).catch(() => {});
      resolve();
    };
    signal.addEventListener('abort', end);
    client.on('closed', end);
    client.subscribe<{ workstationChanged: any }>(
      { query: DOCUMENT },
      {
        next: ({ data, errors }) => {
          const atMs = now();
          if (atMs < history.judgedFromMs) return;
          if (errors || !data) {
            history.anomalies.push({ atMs, text: `Instance ${number} told subscribers: ${JSON.stringify(errors)}` });
            return;
          }
          const { kind, id, workstation } = data.workstationChanged;
          subscription.events.push({ atMs, kind, id, row: workstation && observer.workstation(workstation) });
        },
        error: end,
        complete: end,
      },
    );
  });
}
