import { MAX_NAMES, type ObservedOperation, OperationFigures } from '../../src/observability/operation-figures.ts';

const OPERATION: ObservedOperation = {
  type: 'query',
  outcome: 'hit',
  durationSeconds: 0.002,
  name: 'Fleet',
  isKnownClient: true,
  errors: [],
};

function countByName(figures: OperationFigures): Record<string, number> {
  const named = [...figures.byName()].map(({ labels, counts }) => [labels.operation_name, counts.count] as const);
  return Object.fromEntries(named.filter(([, count]) => count > 0));
}

describe('names of operations', () => {
  test('are counted each, those without one together', () => {
    const figures = new OperationFigures();
    for (const name of ['Fleet', 'Managers', 'Fleet', null]) figures.observeRequest({ ...OPERATION, name });
    expect(countByName(figures)).toEqual({ Fleet: 2, Managers: 1, anonymous: 1 });
  });

  test('are bounded: those that come later are counted together', () => {
    const figures = new OperationFigures();
    for (let count = 0; count < MAX_NAMES + 50; count++) figures.observeRequest({ ...OPERATION, name: `Name${count}` });
    figures.observeRequest({ ...OPERATION, name: 'Name0' });
    const counted = countByName(figures);
    expect(Object.keys(counted)).toHaveLength(MAX_NAMES + 1);
    expect(counted).toMatchObject({ Name0: 2, Name99: 1, other: 50 });
  });

  test('that are called like what is counted together are counted there: no series comes twice', () => {
    const figures = new OperationFigures();
    for (const name of ['other', 'anonymous', null]) figures.observeRequest({ ...OPERATION, name });
    expect([...figures.byName()].map(({ labels, counts }) => [labels.operation_name, counts.count])).toEqual([
      ['anonymous', 2],
      ['other', 1],
    ]);
  });

  test('of clients without a token are counted only if a known client uses them', () => {
    const figures = new OperationFigures();
    figures.observeRequest({ ...OPERATION, isKnownClient: false });
    figures.observeRequest(OPERATION);
    figures.observeRequest({ ...OPERATION, isKnownClient: false });
    expect(countByName(figures)).toEqual({ other: 1, Fleet: 2 });
  });

  test('that are too long have no place of their own', () => {
    const figures = new OperationFigures();
    figures.observeRequest({ ...OPERATION, name: 'x'.repeat(65) });
    expect(countByName(figures)).toEqual({ other: 1 });
  });
});

describe('requests', () => {
  test('are what was asked for: not the events of subscriptions', () => {
    const figures = new OperationFigures();
    figures.observeRequest(OPERATION);
    figures.observeRequest({ ...OPERATION, type: 'mutation', errors: ['CONFLICT', 'CONFLICT'] });
    figures.observeRequest({ ...OPERATION, type: 'subscription' });
    figures.observeRefusal('RATE_LIMITED', 0.0001);
    expect([figures.requests, figures.failed]).toEqual([3, 2]);
    expect([...figures.errors]).toEqual([
      ['CONFLICT', 2],
      ['RATE_LIMITED', 1],
    ]);
  });

  test('have percentiles of their own for each period', () => {
    const figures = new OperationFigures();
    expect(figures.takeLatencies()).toEqual({ requestP50Ms: null, requestP99Ms: null });
    for (let count = 1; count <= 100; count++) figures.observeRequest({ ...OPERATION, durationSeconds: count / 1000 });
    const { requestP50Ms, requestP99Ms } = figures.takeLatencies();
    expect(requestP50Ms! / 50).toBeCloseTo(1, 1);
    expect(requestP99Ms! / 99).toBeCloseTo(1, 1);
    expect(figures.takeLatencies()).toEqual({ requestP50Ms: null, requestP99Ms: null });
  });

  test('that take longer than a minute, or no time at all, count as well', () => {
    const figures = new OperationFigures();
    for (const durationSeconds of [0, 4000]) figures.observeRequest({ ...OPERATION, durationSeconds });
    const { requestP99Ms } = figures.takeLatencies();
    expect(requestP99Ms! / 60_000).toBeCloseTo(1, 1);
  });
});
