import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { addRack, addWorkstation, adminAuthorization, ask, setStatus, socketUrl, url } from './support.ts';
import { folder, run, runTool } from './tools.ts';

/* The programs of examples/, as its README starts them. */

const examples = join(folder, '../../examples');

/** Starts an example that runs until it is stopped; the end of the test stops it. */
function start(test: TestContext, args: readonly string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, args, { cwd: examples, env: { ...process.env, ...env } });
  const ended = once(child, 'close');
  test.after(async () => {
    child.kill();
    await ended;
  });
  let output = '';
  let look = () => {};
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      look();
    });
  }
  const untilPrinted = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      look = () => pattern.test(output) && resolve();
      look();
      ended.then(() => reject(new Error(`${args[0]} ended before it printed ${pattern}:\n${output}`)));
    });
  return { ended, untilPrinted, output: () => output };
}

test('live-table.ts shows rows, and changes of them', async (context) => {
  const { rows } = await addRack(1);
  const { id, name } = rows[0]!;
  const report =
    'mutation ($id: ID!) { reportTelemetry(readings: [{ workstationId: $id, cpuUsage: 100 }]) { stored } }';
  await ask(report, { id });
  const table = start(context, ['live-table.ts', socketUrl]);
  await table.untilPrinted(new RegExp(`${name}.*ONLINE.*100`));
  await setStatus(id, 'ERROR');
  await table.untilPrinted(new RegExp(`${name}.*ERROR.*100`));
});

test('apollo-type-policies.ts joins pages to one list', async (context) => {
  await addRack(25);
  const { ended, output } = start(context, ['apollo-type-policies.ts', url]);
  assert.deepEqual(await ended, [0, null], output());
  const lengths = [...output().matchAll(/^(\d+) rows in one list/gm)].map(([, length]) => Number(length));
  assert.equal(lengths[0], 20);
  assert.ok(lengths[1]! > 20, output());
});

test('graphcache-updates.ts follows rows that come, change and go', async (context) => {
  const { tag, rows } = await addRack(1);
  const list = start(context, ['graphcache-updates.ts', url, tag]);
  await list.untilPrinted(/Newest: \S+ OFFLINE$/m);
  const added = await addWorkstation(tag);
  await list.untilPrinted(new RegExp(`Newest: ${added.name} OFFLINE, `));
  await setStatus(rows[0]!.id, 'MAINTENANCE');
  await list.untilPrinted(new RegExp(`Newest: ${added.name} OFFLINE, ${rows[0]!.name} MAINTENANCE$`, 'm'));
  await ask('mutation ($id: ID!) { deleteWorkstation(id: $id) }', { id: added.id });
  await list.untilPrinted(new RegExp(`Newest: ${rows[0]!.name} MAINTENANCE$`, 'm'));
});

test('agent.mjs enrolls, and reports its machine', async (context) => {
  const create = 'mutation { createAgentEnrollment(input: { label: "Test" }) { token } }';
  const { token } = (await ask(create, {}, adminAuthorization)).createAgentEnrollment;
  const state = await mkdtemp(join(tmpdir(), 'stationmaster-agent-'));
  context.after(() => rm(state, { recursive: true }));
  const env = { AGENT_STATE: join(state, 'agent.json') };
  const enrolling = start(context, ['agent.mjs', url, token], env);
  await enrolling.untilPrinted(/Enrolled as .*\nReported 1\./);
  // It has its key.
  await start(context, ['agent.mjs', url], env).untilPrinted(/^Reported 1\./);
});

test('codegen types scalars, and its document is answered', async (context) => {
  await run('../../examples', 'npm', 'run', 'codegen');
  await runTool('../../examples', 'tsc', '--project', '.');
  const { ended, output } = start(context, ['codegen/silent.ts', url]);
  assert.deepEqual(await ended, [0, null], output());
  assert.match(output(), /^\d+ workstations have reported/);
});
