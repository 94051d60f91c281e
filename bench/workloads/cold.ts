import { body } from '../queries.ts';
import { atLeast, atMost } from '../verdict.ts';
import { steadyWorkload } from './steady.ts';

export const coldList = steadyWorkload({
  name: 'cold-list',
  title: 'Cold list',
  asks: '50 workstations with their managers.',
  cache: 'cold',
  traffic: ({ list }) => ({ kind: 'reads', requests: [body(list)], order: 'in turn' }),
  judge: (standings) => [atLeast('at least 1.5 times the best peer', standings.overBest(), 1.5)],
});

export const coldNested = steadyWorkload({
  name: 'cold-nested',
  title: 'Cold nested',
  asks: '20 managers, 50 workstations of each, and the manager of each of those.',
  cache: 'cold',
  traffic: ({ nested }) => ({ kind: 'reads', requests: [body(nested)], order: 'in turn' }),
  judge: (standings) => [
    atLeast('at least 1.5 times the best peer', standings.overBest(), 1.5),
    atMost('in at most 2 SQL statements', standings.own.statementsPerRequest, 2),
  ],
});

export const coldRecord = steadyWorkload({
  name: 'cold-record',
  title: 'Cold record',
  asks: 'One workstation by its id, as a variable; 10,000 ids in turn.',
  cache: 'cold',
  traffic: ({ record }, { ids }) => ({
    kind: 'reads',
    requests: ids.map((id) => body(record, { id })),
    order: 'in turn',
  }),
  judge: (standings) => [atLeast('at least 1.0 times the best peer', standings.overBest(), 1)],
});
