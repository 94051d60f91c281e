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

  test('a killed worker is replaced, and no request is refused meanwhile', async () => {
    const before = await workersThatAnswer(2);
    const [worker] = await childrenOf(server.child.pid!);
    process.kill(worker!, 'SIGKILL');
    await server.untilPrinted(/Worker \d+ ended with SIGKILL; another takes its place in \d+ ms\./);
    const after = await until(instances, (all) => all.length === 2 && all.some((id) => !before.includes(id)));
    expect(after.filter((id) => before.includes(id))).toHaveLength(1);
    expect(await workersThatAnswer(2)).toEqual(after);
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
