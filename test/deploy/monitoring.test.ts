import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { ERROR_CODES } from '../../src/errors.ts';
import { MergedMetrics } from '../../src/observability/merged-metrics.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { SqlFigures } from '../../src/observability/sql-figures.ts';
import { quietSources } from '../support/quiet-sources.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';
import { parsePromql } from './promql.ts';

/* The dashboard and the alert rules, against what a server exports. */

interface Named {
  readonly name: string;
  readonly expression: string;
}

const dashboard = JSON.parse(readFileSync('deploy/grafana/stationmaster.json', 'utf8'));
const rules = parse(readFileSync('deploy/prometheus/alerts.yml', 'utf8'));

/** With values in the place of Grafana's variables. */
const panels: Named[] = dashboard.panels.flatMap(({ title, targets = [] }: any) =>
  targets.map(({ expr }: any) => ({ name: title, expression: expr.replaceAll('$__rate_interval', '5m') })),
);

const alerts: Named[] = rules.groups.flatMap((group: any) =>
  group.rules.map(({ alert, expr }: any) => ({ name: alert, expression: expr })),
);

/** What Prometheus adds to each series, and to each target. */
const OF_PROMETHEUS = ['job', 'instance'];
const PROMETHEUS_METRICS = new Map([['up', new Set<string>()]]);

/** The names of the metrics of a scrape, each with its labels. */
function readScrape(text: string): Map<string, Set<string>> {
  const metrics = new Map<string, Set<string>>();
  for (const [, name, labels = ''] of text.matchAll(/^(\w+)(?:\{(.*)\})? \S+$/gm)) {
    const known = metrics.get(name!) ?? new Set();
    for (const [, label] of labels.matchAll(/(\w+)="/g)) known.add(label!);
    metrics.set(name!, known);
  }
  return metrics;
}

/** The embedded database has no pool, so nothing waits for its connections. */
function scrapeWaits(): Promise<string> {
  const sql = new SqlFigures();
  sql.observeWait('read', 0.001);
  return createMetrics({ ...quietSources(), sql }).scrape();
}

let testApp: TestApp;
let exported: Map<string, Set<string>>;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 3 } });
  await testApp.ask('query Named { workstations(first: 1) { nodes { id } } }');
  const changes = await testApp.subscribe('subscription { workstationChanged { kind } }');
  await testApp.sql("update workstation set name = 'renamed' where id = (select min(id::text)::uuid from workstation)");
  await changes.next();
  await testApp.ask('mutation { deleteManager(id: "00000000-0000-7000-8000-000000000000") }');
  const response = await fetch(`${testApp.app.url}/metrics`, {
    headers: { authorization: `Bearer ${await testApp.token('MONITOR')}` },
  });
  const own = await response.text();
  // With WORKERS gauges have a label more, and workers that do not answer are counted.
  const ofWorkers = await new MergedMetrics(2).print(new Set());
  exported = new Map([
    ...readScrape(await scrapeWaits()),
    ...readScrape(own),
    ...readScrape(ofWorkers),
    ...PROMETHEUS_METRICS,
  ]);
  for (const [, name] of own.matchAll(/^# TYPE (\w+) gauge$/gm)) exported.get(name!)?.add('worker');
});

afterAll(() => testApp.close());

describe.each([
  ['The dashboard', panels],
  ['The alert rules', alerts],
])('%s', (_what, expressions) => {
  test.each(expressions.map(({ name, expression }) => [name, expression]))('%s: %s', (_name, expression) => {
    const { selections, groupedBy } = parsePromql(expression);
    expect(selections.length).toBeGreaterThan(0);
    for (const { metric, matchers } of selections) {
      expect([...exported.keys()]).toContain(metric);
      const labels = [...exported.get(metric)!, ...OF_PROMETHEUS];
      for (const label of [...matchers.keys(), ...groupedBy]) expect(labels).toContain(label);
      for (const code of matchers.get('code') ?? []) expect(ERROR_CODES).toContain(code);
    }
  });
});

test('The dashboard names only labels that its metrics have', () => {
  for (const { targets = [] } of dashboard.panels) {
    for (const { expr, legendFormat } of targets) {
      const { selections } = parsePromql(expr.replaceAll('$__rate_interval', '5m'));
      const labels = selections.flatMap(({ metric }) => [...exported.get(metric)!, ...OF_PROMETHEUS]);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(labels).toContain(label);
    }
  }
});

test('The dashboard has no two panels in one place, and no two with the same number', () => {
  const ids = dashboard.panels.map(({ id }: any) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const cells = dashboard.panels.flatMap(({ gridPos: { x, y, w, h } }: any) =>
    Array.from({ length: w * h }, (_, cell) => `${x + (cell % w)} ${y + Math.floor(cell / w)}`),
  );
  expect(new Set(cells).size).toBe(cells.length);
});

test('Every alert has a severity and says what to do', () => {
  for (const { alert, labels, annotations } of rules.groups[0].rules) {
    expect({ alert, ...labels, ...annotations }).toEqual({
      alert: expect.stringMatching(/^Stationmaster[A-Z]/),
      severity: expect.stringMatching(/^(critical|warning)$/),
      summary: expect.any(String),
      description: expect.any(String),
    });
  }
});

test('Every metric of our own is on the dashboard', () => {
  const shown = new Set(
    panels.flatMap(({ expression }) => parsePromql(expression).selections.map(({ metric }) => metric)),
  );
  const families = [...exported.keys()]
    .filter((name) => name.startsWith('stationmaster_'))
    .map((name) => name.replace(/_(bucket|sum|count)$/, ''));
  const missing = [...new Set(families)].filter((family) => ![...shown].some((name) => name.startsWith(family)));
  expect(missing).toEqual([]);
});

test.each(['sum(rate(x[5m])', 'rate(x[5m]', 'x{y=}', 'sum by x'])('What is no PromQL is noticed: %s', (expression) => {
  expect(() => parsePromql(expression)).toThrow('PromQL');
});
