import 'reflect-metadata';
import { type ExecutionArgs, parse } from 'graphql';
import { pino } from 'pino';
import { ChangeFeed, ChangeLog } from '../../src/changes/index.ts';
import type { FeatureParts } from '../../src/features/feature.ts';
import { managerFeature } from '../../src/features/manager/index.ts';
import { workstationFeature } from '../../src/features/workstation/index.ts';
import { createContext } from '../../src/graphql/context.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { Subscriber } from '../../src/websocket/broadcast.ts';
import { createSubscriptions, type SubscriptionsParts } from '../../src/websocket/subscriptions.ts';
import { createFakeSource } from '../changes/fake-source.ts';
import { createManualTimers } from './manual-timers.ts';

/* What a transport does that resumes by itself, as the `Last-Event-ID` of server-sent events does. */

const logger = pino({ level: 'silent' });

async function start() {
  const fake = createFakeSource();
  const feed = new ChangeFeed({ source: fake.source });
  const log = new ChangeLog({ feed, databaseId: () => 'da7aba5e' });
  await feed.start();
  fake.up();
  const parts = { feed, log, collections: { of: () => ({}) } } as unknown as FeatureParts;
  const schema = createSchema([workstationFeature, managerFeature], parts);
  const timers = createManualTimers();
  let executions = 0;
  const subscriptions = createSubscriptions({
    timers,
    config: { environment: 'test', introspection: true },
    logger,
    metrics: { observeRequest: () => void executions++, observeRefusal: () => {}, observeSubscriptionLag: () => {} },
    live: {} as SubscriptionsParts['live'],
    counts: { activeSubscriptions: 0 },
  });
  const identity = { subject: 'x', roles: ['VIEWER'], isAnonymous: false, expiresAtMs: null };
  const subscribe = async (variables: { since?: string }, since?: string | null) => {
    const args: ExecutionArgs = {
      schema,
      document: parse('subscription ($since: String) { managerChanged(since: $since) { kind id position } }'),
      variableValues: variables,
      contextValue: createContext({ requestId: 'r', identity: identity as never, logger }),
    };
    const delivered: { id: string; position: string | undefined; shown: string }[] = [];
    let wake = () => {};
    const outcome = await subscriptions.start(
      args,
      {
        deliver: (events) => {
          for (const { payload, position } of events) {
            const { id, position: shown } = JSON.parse(payload).data.managerChanged;
            delivered.push({ id, position, shown });
          }
          wake();
        },
      },
      since,
    );
    return {
      outcome,
      async take(count: number) {
        if (!(outcome instanceof Subscriber)) throw new Error(JSON.stringify(outcome));
        while (delivered.length < count) {
          const arrival = new Promise<void>((resolve) => {
            wake = resolve;
          });
          await Promise.race([arrival, outcome.next()]);
        }
        await outcome.return();
        return delivered;
      },
    };
  };
  const remove = (id: string) => {
    const rows = [{ id, version: 1, old: { id }, new: null }];
    fake.say({ table: 'manager', op: 'DELETE', xid: id, isLast: true, at: 1, rows });
  };
  return { log, remove, subscribe, timers, executions: () => executions };
}

test('a transport is told the position of each event, and may say where its client goes on', async () => {
  const { log, remove, subscribe } = await start();
  const since = log.position;
  for (const id of ['1', '2', '3']) remove(id);
  const events = await (await subscribe({ since })).take(3);
  expect(events.map(({ id }) => id)).toEqual(['1', '2', '3']);
  for (const { position, shown } of events) expect(position).toBe(shown);
  expect(await (await subscribe({}, events[0]!.position)).take(2)).toEqual(events.slice(1));
});

test('what the transport says counts more than the argument, which it repeats', async () => {
  const { log, remove, subscribe } = await start();
  const since = log.position;
  for (const id of ['1', '2']) remove(id);
  const [first, second] = await (await subscribe({ since })).take(2);
  expect(await (await subscribe({ since }, first!.position)).take(1)).toEqual([second]);
  const { outcome } = await subscribe({ since }, 'yesterday');
  expect(outcome).toMatchObject({ errors: [{ originalError: { code: 'BAD_USER_INPUT', field: 'since' } }] });
});

test('those that come back one after the other share what is executed for them, while it is not long ago', async () => {
  const { log, remove, subscribe, timers, executions } = await start();
  const since = log.position;
  for (const id of ['1', '2', '3']) remove(id);
  await subscribe({});
  for (let client = 0; client < 5; client++) {
    expect(await (await subscribe({ since })).take(3)).toHaveLength(3);
    timers.advance(900);
  }
  expect(executions()).toBe(3);
  // What was executed is not held for good.
  timers.advance(1000);
  expect(timers.pending).toBe(0);
  await (await subscribe({ since })).take(3);
  expect(executions()).toBe(6);
});
