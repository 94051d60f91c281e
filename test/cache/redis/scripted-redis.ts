import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/*
 * As much of Redis's protocol, version 2, as it takes to decide what is answered, and when: see "Redis serialization protocol
 * specification" in its documentation. A real server answers what it likes, when it likes.
 */

export const text = (value: string) => `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
export const list = (...items: readonly string[]) => `*${items.length}\r\n${items.join('')}`;
export const fault = (message: string) => `-${message}\r\n`;

export interface AskedOfRedis {
  /** The name of the command, in small letters, and what it was given. */
  readonly command: readonly string[];
  readonly socket: Socket;
}

const NAMES = ['info', 'time', 'script'];

/** What a server says to a client that connects. */
export function greet({ command: [name] }: AskedOfRedis): string {
  return { info: text('redis_version:5.0.0\r\n'), time: list(text('1000'), text('500000')) }[name!] ?? text('hash');
}

/**
 * A server that answers each command with what `answer` gives; `null`: not at all. Clients that connect are greeted as
 * usual unless `answer` sees to that, too.
 */
export async function startScriptedRedis(
  answer: (asked: AskedOfRedis) => string | null,
  { isGreeting = true }: { isGreeting?: boolean } = {},
) {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    let received = '';
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (data) => {
      received += data.toString('latin1');
      for (let next = takeCommand(received); next; next = takeCommand(received)) {
        received = received.slice(next.length);
        const asked = { command: next.command, socket };
        const said = isGreeting && NAMES.includes(next.command[0]!) ? greet(asked) : answer(asked);
        if (said !== null) socket.write(said);
      }
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `redis://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** The first command that has been received whole, and how long it was. */
function takeCommand(received: string): { command: string[]; length: number } | null {
  const head = /^\*(\d+)\r\n/.exec(received);
  if (!head) return null;
  const command: string[] = [];
  let at = head[0].length;
  while (command.length < Number(head[1])) {
    const part = /^\$(\d+)\r\n/.exec(received.slice(at));
    if (!part) return null;
    const start = at + part[0].length;
    at = start + Number(part[1]) + 2;
    if (received.length < at) return null;
    command.push(received.slice(start, at - 2));
  }
  command[0] = command[0]!.toLowerCase();
  return { command, length: at };
}
