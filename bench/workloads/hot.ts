import { body } from '../queries.ts';
import { atLeast, atMost } from '../verdict.ts';
import { steadyWorkload } from './steady.ts';

export const hotList = steadyWorkload({
  name: 'hot-list',
  title: 'Hot list',
  asks: '50 workstations with their managers, one request over and over.',
  caches: 'hot',
  traffic: ({ list }) => ({ kind: 'reads', requests: [body(list)], order: 'in turn' }),
  judge: (standings) => [
    atLeast('at least 0.85 of the floor', standings.ofFloor, 0.85),
    atLeast('at least 0.7 of nginx', standings.ofNginx, 0.7),
    atLeast(
      'at least 8 times the best cached peer',
      standings.overBest(({ isCaching }) => isCaching),
      8,
    ),
  ],
});

export const hotRecords = steadyWorkload({
  name: 'hot-records',
  title: 'Hot records',
  asks: 'One workstation by its id, as a variable; 10,000 ids, drawn by Zipf.',
  caches: 'hot',
  traffic: ({ record }, { ids }) => ({
    kind: 'reads',
    requests: ids.map((id) => body(record, { id })),
    order: 'zipf',
  }),
  judge: (standings) => [
    atLeast('at least 0.80 of the floor', standings.ofFloor, 0.8),
    atLeast('at least 0.7 of nginx', standings.ofNginx, 0.7),
    atLeast(
      'at least 1.6 times the best cached peer',
      standings.overBest(({ isCaching }) => isCaching),
      1.6,
    ),
  ],
});

export const distinctShapes = steadyWorkload({
  name: 'distinct-shapes',
  title: 'Distinct shapes',
  asks: 'The rows of the list, asked for with 200 different selections in turn.',
  caches: 'hot',
  traffic: ({ shapes }) => ({ kind: 'reads', requests: shapes.map((shape) => body(shape)), order: 'in turn' }),
  judge: (standings) => [atLeast('at least 3 times the best peer', standings.overBest(), 3)],
});

export const hotMixed = steadyWorkload({
  name: 'hot-mixed',
  title: 'Hot mixed',
  asks:
    'One workstation by its id (Zipf); 2 % of the requests change a host name. An answer is stale if it is older than a ' +
    'write that was answered before the request. Peers with a cache invalidate as precisely as their cache allows.',
  caches: 'hot',
  hasFloor: false,
  traffic: ({ record, update }, { ids }) => ({ kind: 'reads and writes', record, update, ids, writeShare: 0.02 }),
  judge: (standings) => [
    atLeast(
      'at least 3 times the best peer that gave no stale answer',
      standings.overBest((_contender, { staleAnswers }) => staleAnswers === 0),
      3,
    ),
    atMost('no stale answer of ours', standings.own.staleAnswers, 0),
  ],
});
