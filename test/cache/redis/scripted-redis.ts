import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';

/*
 * The part of the Redis protocol, version 2, that a test needs to decide what is answered and when. See "Redis serialization
 * protocol specification" in the documentation of Redis. A real server cannot be controlled that far.
 */

export const text = (value: string) => `$${Buffer.byteLength(value)}\r\n${value}\r\n`;
export const list = (...items: readonly string[]) => `*${items.length}\r\n${items.join('')}`;
export const fault = (message: string) => `-${message}\r\n`;

export interface AskedOfRedis {
  /** The name of the command, in lower case, and its arguments. */
  readonly command: readonly string[];
  readonly socket: Socket;
}

const NAMES = ['info', 'time', 'script'];

/** Returns the answer to one of the commands that a client sends when it connects. */
export function greet({ command: [name] }: AskedOfRedis): string {
  return { info: text('redis_version:5.0.0\r\n'), time: list(text('1000'), text('500000')) }[name!] ?? text('hash');
}

/**
 * Starts a server that answers each command with the result of `answer`; `null`: not at all.
 * @param isGreeting whether the commands of a connecting client are answered as usual, without `answer`
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

/** Returns the first complete command and its length in characters; `null`: none is complete. */
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
