import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { CHANNEL } from '../../src/changes/index.ts';

/*
 * The part of the PostgreSQL protocol, version 3, that a test needs to decide what is in one packet with the answer to LISTEN.
 * See "Message Formats" in the documentation of PostgreSQL. A real server cannot be controlled that far.
 */

const IDLE = 'I';
const PROCESS_ID = 1;

/** A message of its type, with its length. */
export function message(type: string, ...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type), int32(body.length + 4), body]);
}

function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
}

const text = (value: string) => Buffer.from(`${value}\0`);
const READY_FOR_QUERY = message('Z', Buffer.from(IDLE));
const AUTHENTICATION_OK = message('R', int32(0));

/** NotificationResponse: a payload on the channel. */
export function notification(payload: string): Buffer {
  return message('A', int32(PROCESS_ID), text(CHANNEL), text(payload));
}

/** ErrorResponse and ReadyForQuery: a statement is refused. */
export function refusal(code: string, reason: string): Buffer {
  const fields = ['SERROR', `C${code}`, `M${reason}`, ''].map(text);
  return Buffer.concat([message('E', ...fields), READY_FOR_QUERY]);
}

export interface AskedToListen {
  readonly socket: Socket;
  /** The answer: CommandComplete and ReadyForQuery. */
  readonly listening: Buffer;
}

/** Starts a server that accepts every client and leaves the answers to LISTEN and other queries to the test. */
export async function startScriptedPostgresql(
  answer: (asked: AskedToListen) => void,
  onQuery: (answer: () => void, asked: { readonly socket: Socket; readonly query: Buffer }) => void = () => {},
) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    // A test that waits for nothing to arrive would see the delay instead.
    socket.setNoDelay(true);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.once('data', () => {
      socket.write(Buffer.concat([AUTHENTICATION_OK, READY_FOR_QUERY]));
      socket.on('data', (query) => {
        const listening = Buffer.concat([message('C', text('LISTEN')), READY_FOR_QUERY]);
        const done = Buffer.concat([message('C', text('SELECT 0')), READY_FOR_QUERY]);
        if (query.includes('listen ')) answer({ socket, listening });
        // The settings of the session.
        else if (query.includes('set_config')) socket.write(done);
        else onQuery(() => void socket.write(done), { socket, query });
      });
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    connectionString: `postgres://postgres@127.0.0.1:${(server.address() as AddressInfo).port}/test`,
    /** The open connections. */
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
