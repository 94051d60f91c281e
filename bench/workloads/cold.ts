import { body } from '../queries.ts';
import { atLeast, atMost } from '../verdict.ts';
import { type Standings, steadyWorkload } from './steady.ts';

function withFullCaches(standings: Standings) {
  return [atLeast('with full caches at least 0.85 of it', standings.withFullCaches, 0.85)];
}

export const coldList = steadyWorkload({
  name: 'cold-list',
  title: 'Cold list',
  asks: '50 workstations with their managers.',
  caches: 'cold',
  traffic: ({ list }) => ({ kind: 'reads', requests: [body(list)], order: 'in turn' }),
  judge: (standings) => [
    atLeast('at least 1.6 times the best peer', standings.overBest(), 1.6),
    ...withFullCaches(standings),
  ],
});

export const coldNested = steadyWorkload({
  name: 'cold-nested',
  title: 'Cold nested',
  asks: '20 managers, 50 workstations of each, and the manager of each of those.',
  caches: 'cold',
  traffic: ({ nested }) => ({ kind: 'reads', requests: [body(nested)], order: 'in turn' }),
  judge: (standings) => [
    atLeast('at least 1.25 times the best peer', standings.overBest(), 1.25),
    ...withFullCaches(standings),
    atMost('in at most 2 SQL statements', standings.own.statementsPerRequest, 2),
  ],
});

export const coldRecord = steadyWorkload({
  name: 'cold-record',
  title: 'Cold record',
  asks: 'One workstation by its id, as a variable; 10,000 ids in turn.',
  caches: 'cold',
  traffic: ({ record }, { ids }) => ({
    kind: 'reads',
    requests: ids.map((id) => body(record, { id })),
    order: 'in turn',
  }),
  judge: (standings) => [
    atLeast('at least 1.8 times the best peer', standings.overBest(), 1.8),
    ...withFullCaches(standings),
  ],
});
