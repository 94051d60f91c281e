import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/* What stands between a server and PostgreSQL and can be changed while connections are open: a virtual address, a pooler. */

export interface PostgresqlProxy {
  readonly port: number;
  /** New connections lead there; open ones stay where they are. */
  route(port: number): void;
  /** Ends all open connections. */
  cut(): void;
  /** Whether it drops the notifications that PostgreSQL sends, also on open connections. */
  deafen(isDeaf: boolean): void;
  close(): Promise<void>;
}

/** NotificationResponse (PostgreSQL, "Message Formats"). */
const NOTIFICATION = 'A'.charCodeAt(0);

export function isNotification(message: Buffer): boolean {
  return message[0] === NOTIFICATION;
}

const TYPE_BYTES = 1;
const HEADER_BYTES = 5;

export async function startPostgresqlProxy(port: number): Promise<PostgresqlProxy> {
  let target = port;
  let isDeaf = false;
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const database = connect(target, '127.0.0.1');
    client.on('data', (bytes) => database.write(bytes));
    database.on(
      'data',
      splitMessages((message) => {
        if (!isDeaf || !isNotification(message)) client.write(message);
      }),
    );
    for (const socket of [client, database]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        database.destroy();
      });
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    route: (port) => {
      target = port;
    },
    cut,
    deafen: (deaf) => {
      isDeaf = deaf;
    },
    async close() {
      server.close();
      cut();
      await once(server, 'close');
    },
  };
}

/** Calls `onMessage` with each whole message of the stream. */
export function splitMessages(onMessage: (message: Buffer) => void): (bytes: Buffer) => void {
  let held = Buffer.alloc(0);
  return (bytes) => {
    held = Buffer.concat([held, bytes]);
    while (held.length >= HEADER_BYTES) {
      const end = TYPE_BYTES + held.readInt32BE(TYPE_BYTES);
      if (held.length < end) return;
      onMessage(held.subarray(0, end));
      held = held.subarray(end);
    }
  };
}
