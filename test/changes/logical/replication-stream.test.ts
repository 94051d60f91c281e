import { once } from 'node:events';
import type { Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { jest } from '@jest/globals';
import { describeReplication } from '../../../src/changes/logical/logical-source.ts';
import { openReplicationStream } from '../../../src/changes/logical/replication-stream.ts';
import { message, startScriptedPostgresql } from '../scripted-postgresql.ts';

/* What of the streaming replication protocol a real server does at times of its own choice. */

const closing: (() => unknown)[] = [];

beforeEach(() => {
  // The clock of the status updates. Everything else takes its time.
  jest.useFakeTimers({
    doNotFake: ['Date', 'performance', 'setTimeout', 'clearTimeout', 'setImmediate', 'clearImmediate'],
  });
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  jest.useRealTimers();
});

const EPOCH_MS = Date.UTC(2000, 0, 1);

function bytes(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(BigInt(value));
  return buffer;
}

/** XLogData: a piece of the log that begins at a position. */
const log = (at: number, content: string) =>
  message('d', Buffer.from('w'), bytes(at), bytes(at), bytes(0), Buffer.from(content));
/** Primary keepalive message: the log ends at a position. */
const keepalive = (at: number, asksForAnswer: boolean) =>
  message('d', Buffer.from('k'), bytes(at), bytes(0), Buffer.from([asksForAnswer ? 1 : 0]));
const COPY_BOTH = message('W', Buffer.alloc(3));
const STREAM_ENDS = [message('c'), message('C', Buffer.from('COPY 0\0')), message('Z', Buffer.from('I'))];

/** Opens a stream of which the test plays the server. */
async function open({ onMessage = (_message: Buffer) => {} } = {}) {
  const queries: string[] = [];
  const updates: { kind: string; positions: number[]; atMs: number }[] = [];
  const messages: string[] = [];
  const started = Promise.withResolvers<Socket>();
  let onAnything = () => {};
  const server = await startScriptedPostgresql(
    () => {},
    (answer, { socket, query }) => {
      if (query[0] === 'd'.charCodeAt(0)) {
        const update = query.subarray(5);
        updates.push({
          kind: update.toString('latin1', 0, 1),
          positions: [1, 9, 17].map((offset) => Number(update.readBigInt64BE(offset))),
          atMs: Number(update.readBigInt64BE(25)) / 1000 + EPOCH_MS,
        });
      } else {
        queries.push(query.toString('utf8', 5, query.length - 1));
        if (query.includes('START_REPLICATION')) {
          socket.write(COPY_BOTH);
          started.resolve(socket);
        } else {
          answer();
        }
      }
      onAnything();
    },
  );
  closing.push(server.close);
  const lost: unknown[] = [];
  const stream = await openReplicationStream({
    target: describeReplication(server.connectionString),
    slot: 'a_slot',
    publication: `it's "ours"`,
    onMessage: (piece) => {
      messages.push(piece.toString());
      onMessage(piece);
      onAnything();
    },
    onLost: (reason) => {
      lost.push(reason);
      onAnything();
    },
  });
  closing.push(() => stream.destroy());
  await stream.createSlot();
  await stream.start();
  const socket = await started.promise;
  /** Resolves once `isSo`. */
  const until = async (isSo: () => boolean) => {
    while (!isSo()) {
      await new Promise<void>((resolve) => {
        onAnything = resolve;
      });
    }
  };
  const say = (...parts: Buffer[]) => void socket.write(Buffer.concat(parts));
  return { stream, queries, updates, messages, lost, say, until, socket };
}

test('The slot is temporary, and the names are those that were given', async () => {
  const { queries } = await open();
  expect(queries).toEqual([
    'CREATE_REPLICATION_SLOT a_slot TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT',
    `START_REPLICATION SLOT a_slot LOGICAL 0/0 (proto_version '1', messages 'true', publication_names '"it''s ""ours"""')`,
  ]);
});

test('Pieces of the log are handed over without their headers, in their order', async () => {
  const { messages, say, until } = await open();
  say(log(100, 'one'), keepalive(150, false), log(200, 'two'));
  await until(() => messages.length === 2);
  expect(messages).toEqual(['one', 'two']);
});

test('A server that asks for an answer hears at once how far was read, and no other', async () => {
  const { updates, say, until } = await open();
  say(log(500, 'x'), keepalive(300, true));
  await until(() => updates.length === 1);
  say(keepalive(700, false));
  say(keepalive(800, true));
  await until(() => updates.length === 2);
  expect(updates).toMatchObject([
    { kind: 'r', positions: [500, 500, 500] },
    { kind: 'r', positions: [800, 800, 800] },
  ]);
  expect(Math.abs(updates[0]!.atMs - Date.now())).toBeLessThan(60_000);
});

test('A server that does not ask hears of it every second, until the stream is closed', async () => {
  const { stream, updates, say, messages, until, socket } = await open();
  say(log(500, 'x'));
  await until(() => messages.length === 1);
  jest.advanceTimersByTime(999);
  await nextTurn();
  expect(updates).toEqual([]);
  jest.advanceTimersByTime(1);
  await until(() => updates.length === 1);
  expect(updates[0]!.positions).toEqual([500, 500, 500]);
  const closed = once(socket, 'close');
  stream.destroy();
  expect(jest.getTimerCount()).toBe(0);
  await closed;
});

test('Nothing is handed over while it pauses', async () => {
  const { stream, messages, say, until } = await open();
  stream.pause();
  say(log(500, 'x'));
  for (let turn = 0; turn < 20; turn++) await nextTurn();
  expect(messages).toEqual([]);
  stream.resume();
  await until(() => messages.length === 1);
});

test('A message that cannot be read is the reason why the stream is lost', async () => {
  const unreadable = new RangeError('unreadable');
  const { lost, say, until } = await open({
    onMessage: () => {
      throw unreadable;
    },
  });
  say(log(500, 'x'));
  await until(() => lost.length > 0);
  expect(lost).toEqual([unreadable]);
});

test('A stream that the server ends is lost', async () => {
  const { lost, say, until } = await open();
  say(...STREAM_ENDS);
  await until(() => lost.length > 0);
  expect(lost).toEqual([new Error('The server ended the replication stream.')]);
});

test('A connection that ends is lost once', async () => {
  const { lost, socket, until } = await open();
  socket.destroy();
  await until(() => lost.length > 0);
  await nextTurn();
  expect(lost).toEqual([expect.any(Error)]);
});
