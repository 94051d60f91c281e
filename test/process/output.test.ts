import { execFileSync } from 'node:child_process';
import { closeSync, constants, openSync, readSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { BufferedOutput } from '../../src/process/output.ts';
import { createEmbeddedFolder, engine } from '../../src/testing/test-database.ts';
import { findFreePort, type ServerProcess, startServer, until } from '../support/server-process.ts';

/* No state of standard output or standard error costs a request, a start or an orderly stop. */

const onEmbedded = engine === 'pglite' ? describe : describe.skip;

onEmbedded('a server whose standard output', () => {
  let folder: string;
  let server: ServerProcess | undefined;
  const open: number[] = [];

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'stationmaster-'));
    await createEmbeddedFolder(join(folder, 'pglite'));
  });

  afterEach(async () => {
    await server?.destroy();
    for (const fd of open.splice(0)) closeSync(fd);
    await rm(folder, { recursive: true });
  });

  function openPipe() {
    const path = join(folder, 'pipe');
    execFileSync('mkfifo', [path]);
    const reader = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const writer = openSync(path, constants.O_WRONLY);
    open.push(writer);
    return { reader, writer };
  }

  async function start(stdout: number) {
    const port = String(await findFreePort());
    server = startServer({ DATA_DIR: folder, PORT: port, LOG_LEVEL: 'info' }, undefined, stdout);
    const url = `http://127.0.0.1:${port}`;
    const live = () =>
      fetch(`${url}/readyz`)
        .then(({ status }) => status)
        .catch(() => 0);
    await until(live, (status) => status === 200);
    const ask = async (query: string) => {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query }),
      });
      return (await response.json()) as { data: unknown };
    };
    return { url, ask };
  }

  test('is not read answers as ever, drops lines, and stops in good order', async () => {
    const { reader, writer } = openPipe();
    open.push(reader);
    const { url, ask } = await start(writer);
    // Ten times as much as a pipe holds.
    for (let number = 0; number < 600; number++) {
      expect(await ask(`query q${number} { workstations { totalCount } }`)).toHaveProperty('data.workstations');
    }
    expect((await fetch(`${url}/livez`)).status).toBe(200);
    server!.child.kill('SIGTERM');
    expect(await server!.exited).toBe(0);
  });

  test('is read again after a while says how much is missing', async () => {
    const { reader, writer } = openPipe();
    open.push(reader);
    const { ask } = await start(writer);
    const name = 'n'.repeat(90);
    for (let number = 0; number < 900; number++) {
      await Promise.all([0, 1, 2, 3, 4].map((twin) => ask(`query ${name}${number}_${twin} { __typename }`)));
    }
    const chunk = Buffer.alloc(65_536);
    const read = async () => {
      try {
        return chunk.toString('utf8', 0, readSync(reader, chunk, 0, chunk.length, null));
      } catch {
        return '';
      }
    };
    const text = await until(read, (piece) => piece.includes('lines of the log were dropped'));
    expect(text).toMatch(/"count":\d+,"msg":"lines of the log were dropped: nobody read them"/);
  });

  test('has lost its reader answers a mutation that is under way, and exits with 0', async () => {
    const { reader, writer } = openPipe();
    const { ask } = await start(writer);
    closeSync(reader);
    const answer = ask('mutation { createManager(input: { name: "Ada", email: "ada@example.com" }) { version } }');
    expect(await answer).toMatchObject({ data: { createManager: { version: 1 } } });
    server!.child.kill('SIGTERM');
    expect(await server!.exited).toBe(0);
    expect(server!.output).not.toContain('EPIPE');
  });

  test('is a full disk starts, answers and stops', async () => {
    const full = openSync('/dev/full', 'w');
    open.push(full);
    const { ask } = await start(full);
    expect(await ask('{ workstations { totalCount } }')).toEqual({ data: { workstations: { totalCount: 0 } } });
    server!.child.kill('SIGTERM');
    expect(await server!.exited).toBe(0);
  });

  test('is a file holds its last words', async () => {
    const path = join(folder, 'out');
    const file = openSync(path, 'w');
    open.push(file);
    await start(file);
    server!.child.kill('SIGTERM');
    expect(await server!.exited).toBe(0);
    expect(await readFile(path, 'utf8')).toContain('SIGTERM: answering what is in flight, then stopping.');
  });
});

describe('what is written', () => {
  test('in one turn leaves in few pieces, none of them above what a pipe takes whole, and in order', async () => {
    const pieces: string[] = [];
    const output = new BufferedOutput((piece, done) => {
      pieces.push(piece);
      setImmediate(done);
    });
    const lines = Array.from({ length: 200 }, (_, number) => `${number} ${'x'.repeat(90)}\n`);
    for (const line of lines) output.write(line);
    await output.flush();
    expect(pieces.join('')).toBe(lines.join(''));
    expect(pieces.length).toBeLessThan(7);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThanOrEqual(4096);
    expect(pieces.every((piece) => piece.endsWith('\n'))).toBe(true);
  });

  test('while nobody reads is kept up to a mebibyte, and what is beyond is counted', async () => {
    const blocked: (() => void)[] = [];
    const output = new BufferedOutput((_piece, done) => blocked.push(done));
    const counts: number[] = [];
    output.onDropped = (count) => counts.push(count);
    const line = `${'x'.repeat(1023)}\n`;
    for (let number = 0; number < 1100; number++) output.write(line);
    await new Promise(setImmediate);
    expect(counts).toEqual([]);
    while (blocked.length > 0) blocked.shift()!();
    expect(counts).toEqual([1100 - 1024]);
  });

  test('and cannot be written is not waited for forever', async () => {
    const output = new BufferedOutput(() => {});
    output.write('lost');
    await output.flush();
  });
});
