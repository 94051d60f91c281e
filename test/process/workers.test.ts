import { readFile } from 'node:fs/promises';
import { createServerDatabase, engine } from '../../src/testing/test-database.ts';
import { type ServerProcess, startServer, until } from '../support/server-process.ts';

/* Several processes that share one port, on PostgreSQL. */

const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('two workers', () => {
  let database: Awaited<ReturnType<typeof createServerDatabase>>;
  let server: ServerProcess;
  let url: string;

  beforeAll(async () => {
    database = await createServerDatabase();
    server = startServer({ DATABASE_URL: database.url, WORKERS: '2', SHUTDOWN_DRAIN_SECONDS: '1' });
    url = await server.untilReady();
  });

  afterAll(async () => {
    await server.destroy();
    await database.dispose();
  });

  /** Opens a connection for each request, so that the workers take turns. */
  async function ask(query: string): Promise<any> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', connection: 'close' },
      body: JSON.stringify({ query }),
    });
    return response.json();
  }

  async function instanceThatAnswers(): Promise<string> {
    return (await ask('{ performanceMetrics { instanceId } }')).data.performanceMetrics.instanceId;
  }

  async function instances(): Promise<string[]> {
    const { data } = await ask('{ performanceMetrics { instances { instanceId } } }');
    return data.performanceMetrics.instances.map((instance: { instanceId: string }) => instance.instanceId).sort();
  }

  async function workersThatAnswer(count: number): Promise<string[]> {
    const seen = new Set<string>();
    await until(
      async () => seen.add(await instanceThatAnswers()),
      () => seen.size === count,
    );
    return [...seen].sort();
  }

  test('print one introduction, and both answer', async () => {
    expect(server.output.match(/Stationmaster is ready/g)).toHaveLength(1);
    expect(new URL(url).port).not.toBe('0');
    expect(await workersThatAnswer(2)).toEqual(await until(instances, ({ length }) => length === 2));
  });

  test('a write through one is read from the other once the change has arrived there', async () => {
    const read = async () => (await ask('{ managers { totalCount } }')).data.managers.totalCount;
    const countOf = async (times: number) => Promise.all(Array.from({ length: times }, read));
    expect(await countOf(4)).toEqual([0, 0, 0, 0]);
    const { errors } = await ask(
      'mutation { createManager(input: { name: "Ada", email: "ada@example.com" }) { version } }',
    );
    expect(errors).toBeUndefined();
    await until(
      () => countOf(4),
      (counts) => counts.every((count) => count === 1),
    );
  });

  /** The samples of one scrape on a new connection. */
  async function scrape(): Promise<Map<string, number>> {
    const response = await fetch(`${url}/metrics`, { headers: { connection: 'close' } });
    expect(response.status).toBe(200);
    const samples = (await response.text()).split('\n').filter((line) => /^[a-z]/.test(line));
    return new Map(samples.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]));
  }

  /** What may only rise. Node's own gauges are also called `_total`. */
  function totalsOf(samples: ReadonlyMap<string, number>): [string, number][] {
    return [...samples].filter(
      ([name]) => /^\w+_(total|count|sum|bucket)(\{|$)/.test(name) && !name.includes('worker="'),
    );
  }

  function expectNoneToFall(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): void {
    const fallen = totalsOf(before).filter(([name, value]) => !(after.get(name)! >= value));
    expect(fallen).toEqual([]);
  }

  const MISSING = 'stationmaster_workers_missing';
  const RESPONSE_HITS = 'stationmaster_cache_hits_total{layer="responses"}';

  test('every scrape tells of both, whichever answers it', async () => {
    const countRequests = (samples: ReadonlyMap<string, number>) =>
      totalsOf(samples)
        .filter(([name]) => name.startsWith('stationmaster_request_duration_seconds_count'))
        .reduce((sum, [, count]) => sum + count, 0);
    const before = await scrape();
    for (let number = 0; number < 61; number++) await ask('{ managers(first: 3) { nodes { id } } }');
    let last = await scrape();
    expect(countRequests(last) - countRequests(before)).toBe(61);
    // Each worker executes it once for itself.
    expect(last.get(RESPONSE_HITS)! - (before.get(RESPONSE_HITS) ?? 0)).toBe(59);
    expect(last.get(MISSING)).toBe(0);
    for (let number = 0; number < 20; number++) {
      const next = await scrape();
      expect(next.get(RESPONSE_HITS)).toBe(last.get(RESPONSE_HITS));
      expect(countRequests(next)).toBe(countRequests(last));
      expectNoneToFall(last, next);
      for (const worker of [1, 2]) expect(next.get(`stationmaster_feed_live{worker="${worker}"}`)).toBe(1);
      last = next;
    }
  });

  test('a worker that stands still delays no scrape for long, and is counted as missing', async () => {
    const before = await scrape();
    const [, worker] = await childrenOf(server.child.pid!);
    process.kill(worker!, 'SIGSTOP');
    try {
      // Half of the connections go to the one that stands still.
      const during = await Promise.any([1, 2, 3, 4].map(scrape));
      expect(during.get(MISSING)).toBe(1);
      expectNoneToFall(before, during);
      expect([...during.keys()].filter((name) => name.startsWith('stationmaster_feed_live'))).toHaveLength(1);
    } finally {
      process.kill(worker!, 'SIGCONT');
    }
    await until(scrape, (samples) => samples.get(MISSING) === 0);
  });

  test('a killed worker is replaced, and no request is refused meanwhile', async () => {
    const before = await workersThatAnswer(2);
    const scraped = await scrape();
    const [worker] = await childrenOf(server.child.pid!);
    process.kill(worker!, 'SIGKILL');
    await server.untilPrinted(/Worker \d+ ended with SIGKILL; another takes its place in \d+ ms\./);
    const after = await until(instances, (all) => all.length === 2 && all.some((id) => !before.includes(id)));
    expect(after.filter((id) => before.includes(id))).toHaveLength(1);
    expect(await workersThatAnswer(2)).toEqual(after);
    const samples = await until(scrape, (latest) => latest.get(MISSING) === 0);
    expectNoneToFall(scraped, samples);
    expect(samples.has('stationmaster_feed_live{worker="3"}')).toBe(false);
  });

  test('end on SIGTERM and exit with 0', async () => {
    server.child.kill('SIGTERM');
    expect(await server.exited).toBe(0);
    expect(server.output.match(/SIGTERM: answering/g)).toHaveLength(1);
    await expect(fetch(`${url}/livez`)).rejects.toThrow();
  });
});

onServers('workers that cannot start', () => {
  test('give the reason once, and the exit code', async () => {
    const database = await createServerDatabase();
    const url = new URL(database.url);
    url.pathname += '_misspelt';
    const server = startServer({ DATABASE_URL: url.href, WORKERS: '2' });
    expect(await server.exited).toBe(66);
    expect(server.output.match(/There is no such database/g)).toHaveLength(1);
    await database.dispose();
  });
});

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').map(Number);
}
