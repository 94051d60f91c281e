import { buildSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Context } from '../src/graphql/context.ts';
import type { openTracing as openTracingType } from '../src/observability/tracing/open-tracing.ts';
import type { OperationSpan } from '../src/observability/tracing/operation-span.ts';
import type { PreparedOperations as PreparedOperationsType } from '../src/operations/prepared-operations.ts';
import type { createQueryGuard as createQueryGuardType } from '../src/operations/query-limits.ts';
import type { createRateLimiter as createRateLimiterType } from '../src/operations/rate-limit.ts';
import type { createValidator as createValidatorType } from '../src/operations/validation.ts';

/*
 * Measures the hand-written parts of `src/operations` in microseconds of one thread, for the figures in docs/decisions:
 * `npm run bench:operations`.
 */

const load = (module: string) => import(`../dist/src/${module}.js`);
const { PreparedOperations } = (await load('operations/prepared-operations')) as {
  PreparedOperations: typeof PreparedOperationsType;
};
const { createValidator } = (await load('operations/validation')) as { createValidator: typeof createValidatorType };
const { createQueryGuard } = (await load('operations/query-limits')) as {
  createQueryGuard: typeof createQueryGuardType;
};
const { createRateLimiter } = (await load('operations/rate-limit')) as {
  createRateLimiter: typeof createRateLimiterType;
};
const { openTracing } = (await load('observability/tracing/open-tracing')) as { openTracing: typeof openTracingType };
const { loadConfig } = await load('config/config');

const many = Array.from({ length: 100 });
const ROUNDS = 7;
const ROUND_MS = 300;

const schema = buildSchema(`
  type Query { workstations: [Workstation!]!, workstation: Workstation }
  type Workstation { id: ID!, name: String!, hostname: String!, cpuUsage: Float, manager: Manager }
  type Manager { id: ID!, name: String!, email: String! }`);
const manager = { id: 'm', name: 'Ada', email: 'ada@example.com' };
const rows = Array.from({ length: 50 }, (_, index) => {
  return { id: `w${index}`, name: `Workstation ${index}`, hostname: 'host', cpuUsage: index / 3, manager };
});
// Asynchronous, like a read through the cache.
Object.assign(schema.getQueryType()!.getFields().workstations!, { resolve: async () => rows });
Object.assign(schema.getQueryType()!.getFields().workstation!, { resolve: async () => rows[0] });

const SELECTION = '{ id name hostname cpuUsage manager { id name email } }';
const guard = createQueryGuard(loadConfig({}).queries);
const validate = createValidator({ schema, guard, introspection: true });

function execution(query: string, compileAfter: number): () => Promise<unknown> {
  const operation = new PreparedOperations({ schema, validate, compileAfter }).prepare(query).select(null)!;
  return () => operation.execute({} as Context, {});
}

const identity = { subject: 'probe', roles: [], isAnonymous: false, expiresAtMs: 0 };
const rates = createRateLimiter({ perToken: 1_000_000_000, perAddress: undefined }, Date.now);

/** A cached answer that has a span, or would have; nothing listens where the spans are sent. */
async function tracing(env: Record<string, string>): Promise<() => unknown> {
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:9';
  const config = loadConfig({ ...process.env, ...env });
  const { tracing: opened } = await openTracing(config, { warn: () => {} } as unknown as Logger);
  const describe = (span: OperationSpan | null) =>
    span?.describe({ type: 'query', name: 'Hot', outcome: 'hit', errors: [] });
  return () => {
    for (const _ of many) opened!.operation(NO_CARRIER, describe);
  };
}

const NO_CARRIER = {};

/** The best of several rounds, the one least disturbed by other load. */
async function microseconds(run: () => unknown): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < ROUNDS; round++) {
    const startedAtMs = performance.now();
    let count = 0;
    while (performance.now() - startedAtMs < ROUND_MS) {
      for (let again = 0; again < 20; again++) await run();
      count += 20;
    }
    best = Math.min(best, ((performance.now() - startedAtMs) * 1000) / count);
  }
  return Math.round(best * 100) / 100;
}

const list = `{ workstations ${SELECTION} }`;
const record = `{ workstation ${SELECTION} }`;

console.table({
  'a list of 50, executed by graphql-js': await microseconds(execution(list, Number.POSITIVE_INFINITY)),
  'a list of 50, compiled': await microseconds(execution(list, 0)),
  'a record, executed by graphql-js': await microseconds(execution(record, Number.POSITIVE_INFINITY)),
  'a record, compiled': await microseconds(execution(record, 0)),
  'parse and validate the list': await microseconds(() => validate(list)),
  'a hundred checks of the rate limit': await microseconds(() => {
    for (const _ of many) rates.take(identity, { address: '' });
  }),
  'a hundred spans, of which 100 a second are recorded': await microseconds(await tracing({})),
});
