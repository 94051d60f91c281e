import { atMost } from '../verdict.ts';
import { steadyWorkload } from './steady.ts';

export const mutations = steadyWorkload({
  name: 'mutations',
  title: 'Mutations',
  asks: '32 clients change the host name of one workstation each, drawn by Zipf of 10,000, and send the next change when one is answered.',
  caches: 'written',
  connections: 32,
  hasFloor: false,
  traffic: ({ record, update }, { ids }) => ({ kind: 'reads and writes', record, update, ids, writeShare: 1 }),
  judge: (standings) => [atMost('at most 0.6 ms of server CPU each', standings.own.cpuMsPer1000 / 1000, 0.6)],
});
