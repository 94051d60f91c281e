import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestApp, type TestApp } from '../../src/testing/index.ts';

const run = promisify(execFile);

describe('the example of docs/testing.md', () => {
  const example = /```ts\n(.*?)```/s.exec(readFileSync('docs/testing.md', 'utf8'))![1]!;
  let folder: string;

  beforeAll(async () => {
    // Inside of the project, so that `stationmaster/testing` is found as in a test of the project.
    folder = await mkdtemp('dist/example-');
    await writeFile(join(folder, 'example.test.ts'), example);
    await writeFile(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../tsconfig.json', include: ['*.ts'], compilerOptions: { types: ['node'] } }),
    );
  });

  afterAll(() => rm(folder, { recursive: true }));

  test('runs against the build', async () => {
    const { stdout } = await run(process.execPath, ['--test', '--test-reporter=tap', join(folder, 'example.test.ts')]);
    expect(stdout).toMatch(/^# pass 1$/m);
    expect(stdout).toMatch(/^# fail 0$/m);
  });

  test('is typed', async () => {
    await expect(run('node_modules/.bin/tsc', ['-p', folder])).resolves.toEqual({ stdout: '', stderr: '' });
  });
});

describe('the test kit', () => {
  const CHANGES = 'subscription { workstationChanged { id workstation { cpuUsage } } }';
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ fleet: { managers: 1, workstations: 2 } });
  });

  afterAll(() => app.close());

  test('misses no event that follows a subscription, and queues what is not read yet', async () => {
    const subscriptions = await Promise.all([app.subscribe(CHANGES), app.subscribe(CHANGES, { role: 'VIEWER' })]);
    await app.sql('update workstation set cpu_usage = 11');
    for (const subscription of subscriptions) {
      const events = [await subscription.next(), await subscription.next()];
      expect(events.map(({ data }) => data!.workstationChanged.workstation.cpuUsage)).toEqual([11, 11]);
      await subscription.stop();
    }
  });

  test('hands over the refusal of a subscription', async () => {
    const subscription = await app.subscribe(CHANGES, { role: null });
    expect(await subscription.next()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
  });

  test('lets entries expire when its clock is moved', async () => {
    const read = () => app.ask('{ workstations(first: 1) { totalCount } }');
    await read();
    expect(await app.countStatements(read)).toBe(0);
    app.clock.advanceSeconds(301);
    expect(await app.countStatements(read)).toBeGreaterThan(0);
  });

  test('runs middlewares around every operation', async () => {
    const subjects: string[] = [];
    const observed = await startTestApp({
      middlewares: [
        ({ identity }, next) => {
          subjects.push(identity.subject);
          return next();
        },
      ],
    });
    await observed.ask('{ workstations { totalCount } }', { role: 'VIEWER' });
    await observed.close();
    expect(subjects).toEqual(['test-viewer']);
  });
});
