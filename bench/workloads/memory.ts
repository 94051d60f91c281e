import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Report, Workload } from '../bench.ts';
import type { MemoryFigures } from '../memory-probe.ts';
import { atMost } from '../verdict.ts';

export const memory: Workload = { name: 'memory', run };

async function run(): Promise<Report> {
  const probe = fork(new URL('../memory-probe.ts', import.meta.url), {
    execArgv: ['--expose-gc'],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [figures] = (await Promise.race([
    once(probe, 'message'),
    once(probe, 'exit').then(() => {
      throw new Error('The memory probe failed.');
    }),
  ])) as [MemoryFigures];
  probe.disconnect();
  const beyondOwn = figures.heapBytes - figures.ownBytes;
  const { accountedShare, heapShare, entriesShare, answersHeapShare } = figures;
  const heldWithin = 100 * (Math.max(accountedShare, heapShare, entriesShare, answersHeapShare) - 1);
  return {
    name: 'memory',
    title: 'Memory',
    method:
      'The cache alone, in a separate process: workstations are read through it, and memory is read after a garbage ' +
      'collection. Bounds: a million distinct keys pass through a cache of 64 MiB, through one of 50,000 entries, and ' +
      'through 64 MiB of cached responses; the highest value counts.',
    columns: ['figure', 'value'],
    rows: [
      ['bytes of a workstation, as JSON', Math.round(figures.ownBytes)],
      ['bytes of memory per cached workstation', Math.round(figures.heapBytes)],
      ['of these, beyond its JSON', Math.round(beyondOwn)],
      ['bytes by the cache’s own account, of the bound', Number(accountedShare.toFixed(3))],
      ['bytes of memory, of the bound', Number(heapShare.toFixed(3))],
      ['entries, of the bound', Number(entriesShare.toFixed(3))],
      ['bytes of memory of cached responses, of their bound', Number(answersHeapShare.toFixed(3))],
    ],
    verdicts: [
      atMost('at most 1.5 KB a cached workstation beyond its own bytes', beyondOwn, 1500),
      atMost('bounds held within 10 % under a million distinct keys (percent above)', Math.max(0, heldWithin), 10),
    ],
  };
}
