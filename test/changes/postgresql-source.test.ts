import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { jest } from '@jest/globals';
import { Client } from 'pg';
import { CHANNEL, ChangeFeed, createPostgresqlSource } from '../../src/changes/index.ts';
import { createEventQueue } from './event-queue.ts';
import { notification, refusal, startScriptedPostgresql } from './scripted-postgresql.ts';
import { describeSourceContract } from './source-contract.ts';
import { createTcpProxy } from './tcp-proxy.ts';

const SERVER_URL = process.env.TEST_DATABASE_URL ?? 'postgres://postgres@127.0.0.1:5432/test';
/** The first waits are short, and later ones may be very long. */
const QUICK = { minBackoffMs: 1, maxBackoffMs: 3_600_000 };

describe('a server that accepts connections and never answers', () => {
  const sockets = new Set<Socket>();
  let server: Server;
  let connectionString: string;

  beforeEach(async () => {
    server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => {});
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    connectionString = `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/test`;
  });

  afterEach(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  test('does not block start: the source is down and tries again', async () => {
    const events = createEventQueue();
    const source = createPostgresqlSource({ connectionString, heartbeatMs: 5, ...QUICK });
    await source.start(events.handlers);
    expect(events.unread).toEqual([{ kind: 'down', reason: expect.any(Error) }]);
    await events.next();
    expect((await events.next()).kind).toBe('down');
    await source.close();
  });

  test('blocks neither close nor start', async () => {
    const events = createEventQueue();
    const connected = once(server, 'connection');
    const source = createPostgresqlSource({ connectionString, heartbeatMs: 3_600_000 });
    const started = source.start(events.handlers);
    await connected;
    await source.close();
    await started;
    expect(events.unread).toEqual([]);
  });
});

test('without a server, the source is down, and can be closed between two attempts', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');

  const events = createEventQueue();
  const source = createPostgresqlSource({
    connectionString: `postgres://postgres@127.0.0.1:${port}/test`,
    minBackoffMs: 3_600_000,
    maxBackoffMs: 3_600_000,
  });
  await source.start(events.handlers);
  expect(events.unread).toEqual([{ kind: 'down', reason: expect.objectContaining({ code: 'ECONNREFUSED' }) }]);
  await expect(source.notify('hello')).rejects.toThrow('The change feed is not connected.');
  await source.close();
});

describe('a payload in one packet with the answer to LISTEN', () => {
  const closing: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(answer: Parameters<typeof startScriptedPostgresql>[0]) {
    const server = await startScriptedPostgresql(answer);
    const source = createPostgresqlSource({ connectionString: server.connectionString, heartbeatMs: 60_000, ...QUICK });
    closing.push(server.close, source.close);
    const events = createEventQueue();
    await source.start(events.handlers);
    return { events, source };
  }

  test('is neither lost nor delivered before the source is up, and keeps its order', async () => {
    const { events } = await start(({ socket, listening }) => {
      // An empty payload is not of the feed.
      const packet = [notification('before'), listening, notification(''), notification('after'), notification('last')];
      socket.write(Buffer.concat(packet));
    });
    expect(events.unread).toEqual([
      { kind: 'up' },
      { kind: 'payload', payload: 'before' },
      { kind: 'payload', payload: 'after' },
      { kind: 'payload', payload: 'last' },
    ]);
  });

  test('is not delivered if the answer itself does not come, because the next payload might be lost', async () => {
    const { events, source } = await start(({ socket }) => void socket.end(notification('early')));
    await source.close();
    expect(new Set(events.unread.map(({ kind }) => kind))).toEqual(new Set(['down']));
  });
});

describe('a connection', () => {
  const closing: (() => Promise<void>)[] = [];

  afterEach(async () => {
    for (const close of closing.splice(0).reverse()) await close();
  });

  test('that answers its heartbeats is kept', async () => {
    const { promise: beaten, resolve } = Promise.withResolvers<void>();
    let heartbeats = 0;
    const server = await startScriptedPostgresql(
      ({ socket, listening }) => socket.write(listening),
      (answer) => {
        answer();
        if (++heartbeats === 3) resolve();
      },
    );
    const { connectionString } = server;
    const source = createPostgresqlSource({ connectionString, heartbeatMs: 20, missedHeartbeats: 50, ...QUICK });
    closing.push(server.close, source.close);
    const events = createEventQueue();
    await source.start(events.handlers);
    await beaten;
    expect(events.unread).toEqual([{ kind: 'up' }]);
  });

  test('that was replaced is closed, and what still arrives on it is not delivered', async () => {
    const opened: Socket[] = [];
    const server = await startScriptedPostgresql(({ socket, listening }) => {
      opened.push(socket);
      socket.write(listening);
    });
    const { connectionString, sockets } = server;
    const source = createPostgresqlSource({ connectionString, heartbeatMs: 60_000, ...QUICK });
    closing.push(server.close, source.close);
    const events = createEventQueue();
    await source.start(events.handlers);
    const closed = new Promise((resolve) => opened[0]!.on('close', resolve));
    source.restart('lost');
    opened[0]!.write(notification('from before'));
    await closed;
    expect([await events.next(), await events.next(), await events.next()].map(({ kind }) => kind)).toEqual([
      'up',
      'down',
      'up',
    ]);
    expect([events.unread, [...sockets]]).toEqual([[], [opened[1]]]);
  });
});

test('room is made where the server grants no more connections, and for no other reason', async () => {
  const codes = ['42501', '53300'];
  const server = await startScriptedPostgresql(({ socket }) => void socket.write(refusal(codes.shift()!, 'refused')));
  const madeFor: number[] = [];
  const source = createPostgresqlSource({
    connectionString: server.connectionString,
    ...QUICK,
    makeRoom: async () => void madeFor.push(codes.length),
  });
  const events = createEventQueue();
  await source.start(events.handlers);
  const reasons = [await events.nextOf('down'), await events.nextOf('down')].map(({ reason }) => reason);
  expect(reasons).toEqual(['42501', '53300'].map((code) => expect.objectContaining({ code })));
  await source.close();
  expect(madeFor[0]).toBe(0);
  await server.close();
});

test('a source that cannot connect waits longer each time', async () => {
  const random = jest.spyOn(Math, 'random').mockReturnValue(0);
  let attempts = 0;
  const refusing = await startScriptedPostgresql(({ socket }) => {
    attempts++;
    socket.destroy();
  });
  const accepting = await startScriptedPostgresql(({ socket, listening }) => socket.write(listening));
  const create = ({ connectionString }: { connectionString: string }) => ({
    source: createPostgresqlSource({ connectionString, heartbeatMs: 60_000, ...QUICK }),
    events: createEventQueue(),
  });
  const [slow, other] = [create(refusing), create(accepting)];
  await slow.source.start(slow.events.handlers);
  for (let failures = 0; failures < 14; failures++) await slow.events.nextOf('down');
  // From now on, each source waits for as long as it may.
  random.mockReturnValue(1 - Number.EPSILON);
  await slow.events.nextOf('down');
  await other.source.start(other.events.handlers);
  other.source.restart('lost');
  await other.events.nextOf('down');
  await other.events.nextOf('up');
  expect([attempts, slow.events.unread]).toEqual([15, []]);
  random.mockRestore();
  for (const { close } of [slow.source, other.source, refusing, accepting]) await close();
});

test('a source whose connection has lasted waits as shortly as at first', async () => {
  const random = jest.spyOn(Math, 'random').mockReturnValue(0);
  const { promise: lasted, resolve } = Promise.withResolvers<void>();
  let refusals = 14;
  let heartbeats = 0;
  const server = await startScriptedPostgresql(
    ({ socket, listening }) => {
      if (refusals-- > 0) socket.destroy();
      else socket.write(listening);
    },
    (answer) => {
      answer();
      if (++heartbeats === 3) resolve();
    },
  );
  const { connectionString, sockets } = server;
  const source = createPostgresqlSource({ connectionString, heartbeatMs: 20, missedHeartbeats: 50, ...QUICK });
  const events = createEventQueue();
  await source.start(events.handlers);
  await events.nextOf('up');
  await lasted;
  // From now on it waits for as long as it may: after 14 failures, that would be 16 seconds.
  random.mockReturnValue(1 - Number.EPSILON);
  for (const socket of sockets) socket.destroy();
  await events.nextOf('down');
  await events.nextOf('up');
  random.mockRestore();
  await source.close();
  await server.close();
});

const describeOnPostgresql = process.env.TEST_ENGINE === 'postgresql' ? describe : describe.skip;

describeOnPostgresql('on PostgreSQL', () => {
  const database = `stationmaster_test_${randomBytes(6).toString('hex')}`;
  const databaseUrl = new URL(SERVER_URL);
  databaseUrl.pathname = `/${database}`;
  const target = { host: databaseUrl.hostname, port: Number(databaseUrl.port || 5432) };
  let admin: Client;

  beforeAll(async () => {
    await runOnServer(`create database ${database}`);
    admin = new Client({ connectionString: databaseUrl.href });
    await admin.connect();
  });

  afterAll(async () => {
    await admin.end();
    await runOnServer(`drop database ${database} with (force)`);
  });

  async function runOnServer(sql: string): Promise<void> {
    const client = new Client({ connectionString: SERVER_URL });
    await client.connect();
    await client.query(sql);
    await client.end();
  }

  async function terminateFeed(): Promise<void> {
    await admin.query(
      `select pg_terminate_backend(pid) from pg_stat_activity
       where application_name = 'stationmaster-feed' and datname = $1`,
      [database],
    );
  }

  function throughProxy(port: number): string {
    const url = new URL(databaseUrl);
    url.hostname = '127.0.0.1';
    url.port = String(port);
    return url.href;
  }

  describeSourceContract('PostgreSQL', () => ({
    createSource: () => createPostgresqlSource({ connectionString: databaseUrl.href, ...QUICK }),
    execute: (sql) => admin.query(sql),
  }));

  test('a source listens to further channels, and to no others', async () => {
    const events = createEventQueue();
    const channels = ['one_more', 'and_another'];
    const source = createPostgresqlSource({ connectionString: databaseUrl.href, channels, ...QUICK });
    await source.start(events.handlers);
    for (const channel of ['not_this', ...channels, CHANNEL]) await admin.query('select pg_notify($1, $1)', [channel]);
    const received = [await events.nextOf('payload'), await events.nextOf('payload'), await events.nextOf('payload')];
    expect(received.map(({ payload }) => payload)).toEqual([...channels, CHANNEL]);
    await source.close();
  });

  test('a connection that the server ends is down, is replaced, and receives again', async () => {
    const events = createEventQueue();
    const source = createPostgresqlSource({ connectionString: databaseUrl.href, ...QUICK });
    await source.start(events.handlers);
    for (const round of ['first', 'second']) {
      expect(await events.next()).toEqual({ kind: 'up' });
      await terminateFeed();
      // What the server said, which the operator is told.
      expect(await events.next()).toEqual({ kind: 'down', reason: expect.objectContaining({ code: '57P01' }) });
      expect(await events.next()).toEqual({ kind: 'up' });
      await source.notify(round);
      expect(await events.next()).toEqual({ kind: 'payload', payload: round });
      source.restart('next round');
      await events.nextOf('down');
    }
    await source.close();
  });

  test('a half-open connection is down after two heartbeats without an answer, and is replaced', async () => {
    let isSilent = false;
    const proxy = await createTcpProxy(target, () => isSilent);
    const events = createEventQueue();
    const source = createPostgresqlSource({ connectionString: throughProxy(proxy.port), heartbeatMs: 100, ...QUICK });
    await source.start(events.handlers);
    await events.nextOf('up');
    isSilent = true;
    const { reason } = await events.nextOf('down');
    expect(reason).toEqual(new Error('The change feed missed 2 heartbeats.'));
    isSilent = false;
    await events.nextOf('up');
    await admin.query(`select pg_notify('${CHANNEL}', 'after')`);
    expect(await events.nextOf('payload')).toEqual({ kind: 'payload', payload: 'after' });
    await source.close();
    await proxy.close();
  });

  test('a connection that falls silent before it listens blocks neither start nor close', async () => {
    const { promise: askedToListen, resolve } = Promise.withResolvers<void>();
    const proxy = await createTcpProxy(target, (sent) => {
      const isListen = sent.includes('listen ');
      if (isListen) resolve();
      return isListen;
    });
    const events = createEventQueue();
    const connectionString = throughProxy(proxy.port);
    const slow = createPostgresqlSource({ connectionString, heartbeatMs: 3_600_000 });
    const started = slow.start(events.handlers);
    await askedToListen;
    await slow.close();
    await started;
    expect(events.unread).toEqual([]);

    const fast = createPostgresqlSource({ connectionString, heartbeatMs: 100 });
    await fast.start(events.handlers);
    expect(events.unread).toEqual([{ kind: 'down', reason: expect.any(Error) }]);
    await fast.close();
    await proxy.close();
  });

  test('a message that is sent on a silent connection fails instead of waiting for ever', async () => {
    let isSilent = false;
    const proxy = await createTcpProxy(target, () => isSilent);
    const events = createEventQueue();
    const source = createPostgresqlSource({ connectionString: throughProxy(proxy.port), heartbeatMs: 100 });
    await source.start(events.handlers);
    await events.nextOf('up');
    isSilent = true;
    await expect(source.notify('hello')).rejects.toThrow();
    await source.close();
    await proxy.close();
  });

  test('when the connection is lost, a writer is released and followers are notified of the gap', async () => {
    const feed = new ChangeFeed({ source: createPostgresqlSource({ connectionString: databaseUrl.href, ...QUICK }) });
    const received: string[] = [];
    const { promise: isBack, resolve } = Promise.withResolvers<void>();
    await feed.start();
    feed.follow({ onGap: () => received.push('gap'), onLive: resolve });
    const applied = feed.waitUntilApplied('0', 'statement');
    await terminateFeed();
    await applied;
    expect([received, feed.gaps]).toEqual([['gap'], 1]);
    await isBack;
    expect(feed.state).toBe('live');
    await feed.close();
  });

  test('no time limit of the role or the database ends a session that listens', async () => {
    const url = `${databaseUrl.href}?options=-c%20idle_session_timeout%3D90ms%20-c%20statement_timeout%3D90ms`;
    const source = createPostgresqlSource({ connectionString: url });
    const events = createEventQueue();
    await source.start(events.handlers);
    await source.run('select pg_notify($1, concat(current_setting($2), current_setting($3)))', [
      CHANNEL,
      'idle_session_timeout',
      'statement_timeout',
    ]);
    expect(await events.nextOf('payload')).toEqual({ kind: 'payload', payload: '00' });
    await source.close();
  });

  test('a closed source reports nothing more and sends nothing', async () => {
    const source = createPostgresqlSource({ connectionString: databaseUrl.href });
    const events = createEventQueue();
    await source.start(events.handlers);
    await source.close();
    await source.close();
    expect(events.unread).toEqual([{ kind: 'up' }]);
    await expect(source.notify('hello')).rejects.toThrow('The change feed is not connected.');
  });
});
