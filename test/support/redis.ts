import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Redis } from 'ioredis';

/** A Redis server for one test, which keeps nothing on disk. */
export interface RedisServer {
  readonly url: string;
  /** A client of another program. */
  readonly client: Redis;
  /** Kills the process. */
  kill(): Promise<void>;
  /** Starts it again, empty, at the same address. */
  start(): Promise<void>;
  /** Stops answering without closing the connections. */
  pause(): void;
  resume(): void;
  close(): Promise<void>;
}

export function isRedisInstalled(): boolean {
  return spawnSync('redis-server', ['--version']).status === 0;
}

export async function startRedis(settings: readonly string[] = []): Promise<RedisServer> {
  const directory = await mkdtemp(join(tmpdir(), 'stationmaster-redis-'));
  const port = await findFreePort();
  let server: ChildProcess | undefined;

  async function start(): Promise<void> {
    server = spawn(
      'redis-server',
      [
        '--bind',
        '127.0.0.1',
        '--port',
        String(port),
        '--dir',
        directory,
        '--save',
        '',
        '--appendonly',
        'no',
        ...settings,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    );
    for await (const line of createInterface(server.stdout!)) if (line.includes('Ready to accept connections')) break;
    // An unread log would fill its pipe and block the server.
    server.stdout!.resume();
  }

  async function kill(): Promise<void> {
    if (!server || server.exitCode !== null || server.signalCode !== null) return;
    const ended = once(server, 'exit');
    server.kill('SIGKILL');
    await ended;
  }

  await start();
  const client = new Redis(port, '127.0.0.1', { lazyConnect: true, protocol: 2 });
  client.on('error', () => {});
  return {
    url: `redis://127.0.0.1:${port}`,
    client,
    start,
    kill,
    pause: () => server!.kill('SIGSTOP'),
    resume: () => server!.kill('SIGCONT'),
    async close() {
      client.disconnect();
      await kill();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function findFreePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
