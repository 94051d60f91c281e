import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import WebSocket from 'ws';
import { type Proxy as DatabaseProxy, startProxy } from '../coherence/proxy.ts';
import { createRandom, type Random } from '../coherence/random.ts';
import { startServer } from '../support/server-process.ts';
import type { Sample } from './judge.ts';

const SERVER_URL = process.env.TEST_DATABASE_URL || 'postgres://postgres@127.0.0.1:5432/test';
const CLIENTS = 8;
const SUBSCRIBERS = 4;
const SAMPLE_MS = 1000;

/** Runs one server on its own database under load and faults. Returns the server's figures over time. */
export async function run(seconds: number, seed: number, onSample: (sample: Sample) => void): Promise<Sample[]> {
  const name = `stationmaster_soak_${randomBytes(6).toString('hex')}`;
  const direct = new URL(SERVER_URL);
  await onServer(`create database ${name}`);
  direct.pathname = `/${name}`;
  const proxy = await startProxy({ host: direct.hostname, port: Number(direct.port || 5432) });
  const proxied = new URL(direct);
  proxied.host = `127.0.0.1:${proxy.port}`;
  const server = startServer({ DATABASE_URL: proxied.href, DEMO_FLEET: 'still', LOG_LEVEL: 'silent' });
  try {
    const url = await server.untilReady();
    const random = createRandom(seed);
    const ending = new AbortController();
    const repeat = async (role: string, work: (chance: Random) => Promise<unknown>) => {
      const chance = random.fork(role);
      // Clients fail during faults, and continue.
      while (!ending.signal.aborted) await work(chance).catch(() => sleep(10));
    };
    const busy = [
      ...numbers(CLIENTS).map((number) => repeat(`client ${number}`, (chance) => ask(url, chance))),
      ...numbers(SUBSCRIBERS).map((number) => repeat(`subscriber ${number}`, (chance) => subscribe(url, chance))),
      repeat('quitter', (chance) => quit(url, chance)),
      repeat('nemesis', (chance) => disturb(proxy, direct.href, chance)),
    ];
    const samples: Sample[] = [];
    const startedAtMs = performance.now();
    for (let atSeconds = 0; atSeconds < seconds; ) {
      await sleep(SAMPLE_MS);
      atSeconds = (performance.now() - startedAtMs) / 1000;
      const sample = await takeSample(url, atSeconds);
      samples.push(sample);
      onSample(sample);
    }
    ending.abort();
    await Promise.all(busy);
    return samples;
  } finally {
    await server.destroy();
    await proxy.close();
    await onServer(`drop database ${name} with (force)`);
  }
}

function numbers(count: number): number[] {
  return Array.from({ length: count }, (_unused, index) => index);
}

async function ask(url: string, chance: Random): Promise<void> {
  const first = chance.whole(1, 100);
  const status = chance.pick(['ONLINE', 'OFFLINE', 'ERROR', 'MAINTENANCE']);
  const list = `workstations(first: ${first}, filter: { status: [${status}] }) { totalCount nodes { id name } }`;
  const { data } = await post(
    url,
    `{ ${list} managers(first: 5) { nodes { id workstations(first: 3) { nodes { id } } } } }`,
  );
  const id = chance.pick(data.workstations.nodes as { id: string }[]).id;
  await post(
    url,
    `mutation { updateWorkstation(id: "${id}", input: { status: ${chance.pick(['ONLINE', 'ERROR'])} }) { version } }`,
  );
  await post(
    url,
    `mutation { reportTelemetry(readings: [{ workstationId: "${id}", cpuUsage: ${first} }]) { stored } }`,
  );
}

/** Some sockets close in good order, some are cut. */
async function subscribe(url: string, chance: Random): Promise<void> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
  socket.on('error', () => {});
  const closed = once(socket, 'close');
  await Promise.race([once(socket, 'open'), closed]);
  socket.send('{"type":"connection_init"}');
  await Promise.race([once(socket, 'message'), closed]);
  const query = 'subscription { workstationChanged { kind id workstation { name } } }';
  socket.send(JSON.stringify({ type: 'subscribe', id: '1', payload: { query } }));
  await sleep(chance.whole(50, 1000));
  if (chance.chance(0.5)) socket.terminate();
  else socket.close();
  await closed;
}

/** Sends a request and leaves without waiting for the answer. */
async function quit(url: string, chance: Random): Promise<void> {
  const signal = AbortSignal.timeout(chance.whole(1, 20));
  await post(url, `{ workstations(first: ${chance.whole(1, 500)}) { nodes { id name manager { name } } } }`, signal);
}

async function disturb(proxy: DatabaseProxy, databaseUrl: string, chance: Random): Promise<void> {
  await sleep(chance.whole(2000, 6000));
  const fault = chance.pick(['cut', 'freeze', 'delay', 'terminate'] as const);
  if (fault === 'terminate') return terminateAll(databaseUrl);
  if (fault === 'cut') proxy.cut();
  else if (fault === 'freeze') proxy.freeze('all');
  else proxy.delayResponses(() => chance.whole(1, 100), false);
  await sleep(chance.whole(200, 2000));
  proxy.restore();
}

async function terminateAll(connectionString: string): Promise<void> {
  const client = new Client({ connectionString });
  await client.connect();
  await client.query(`select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()`);
  await client.end();
}

async function post(url: string, query: string, signal?: AbortSignal): Promise<any> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query }),
    ...(signal && { signal }),
  });
  return response.json();
}

async function takeSample(url: string, atSeconds: number): Promise<Sample> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const read = (name: string) => Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(text)?.[1]);
  const toMb = (bytes: number) => bytes / 2 ** 20;
  return {
    atSeconds,
    heapMb: toMb(read('nodejs_heap_size_used_bytes')),
    residentMb: toMb(read('process_resident_memory_bytes')),
    descriptors: read('process_open_fds'),
    sockets: read('stationmaster_websocket_connections'),
    subscriptions: read('stationmaster_websocket_subscriptions'),
  };
}

async function onServer(statement: string): Promise<void> {
  const client = new Client({ connectionString: SERVER_URL });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
