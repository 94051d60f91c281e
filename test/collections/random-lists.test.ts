import fc from 'fast-check';
import {
  type GraphQLEnumType,
  type GraphQLInputObjectType,
  type GraphQLInputType,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
} from 'graphql';
import { Cache } from '../../src/cache/index.ts';
import type { ColumnKind } from '../../src/collections/definition/columns.ts';
import { comparePositions } from '../../src/collections/definition/page.ts';
import {
  type AnyCollection,
  createOperation,
  FROM_START,
  type Identified,
  openCollections,
  type PageRange,
  type Position,
} from '../../src/collections/index.ts';
import { collections, features } from '../../src/features/index.ts';
import { encodeCursor } from '../../src/graphql/pagination.ts';
import { createSchema } from '../../src/graphql/schema.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/*
 * Lists and counts that stay cached while rows change, compared after every write with what SQL says, and SQL with the
 * predicate of the filter. Filters, orders and values come from the schema and the collections themselves, so that a new
 * filter, order or column is tried without an edit here. A list's root field has the name of its collection's key.
 */

const NUM_RUNS = 10;
const ROWS = 8;

const TEXTS = ['a', 'A', 'b', '%', '_', 'é', '｡', '🖥'];
const VALUES: Readonly<Record<Exclude<ColumnKind, 'uuid'>, readonly unknown[]>> = {
  text: TEXTS,
  ip: ['10.0.0.1', '10.0.0.2', '11.0.0.1', '::1', '2001:db8::ff', '::ffff:10.0.0.1'],
  float: [0, 10, 50.5, 100],
  int: [0, 1, 2],
  bigint: [0, 1, 2],
  boolean: [true, false],
  texts: [[], ['a'], ['A', 'a'], ['%', 'b', 'é', '｡', '🖥']],
  time: ['2020-01-01T00:00:00.000Z', '2020-01-01T00:00:00.001Z', '2025-06-30T12:00:00.000Z'],
};
/** Kept by the database itself. */
const KEPT = ['id', 'version', 'updatedAt'];

const QUERY_FIELDS = createSchema(features).getQueryType()!.getFields();

let testApp: TestApp;
/** Rows are numbered, so that unique texts are unique. */
let made = 0;

beforeAll(async () => {
  testApp = await startTestApp({ env: { RESPONSE_CACHE: 'off' } });
});

afterAll(() => testApp.close());

type Draw = fc.GeneratorValue;

/** By its place: fast-check compares what it draws from, and collections refer to much. */
function pick<Item>(draw: Draw, items: readonly Item[]): Item {
  return items[draw(fc.nat, items.length - 1)]!;
}

interface Query {
  readonly collection: AnyCollection;
  readonly filter: object;
  readonly order: { readonly field: string; readonly direction: 'ASC' | 'DESC' };
  readonly page: PageRange & { readonly size: number };
}

/** The values that a column can be given, by the ids of the rows it may refer to. */
function valueFor(draw: Draw, column: AnyCollection['columns'][number], ids: ReadonlyMap<unknown, string[]>): unknown {
  if (column.isNullable && draw(fc.boolean)) return null;
  if (column.target) return pick(draw, ids.get(column.target)!);
  if (column.values) return pick(draw, column.values);
  const value = pick(draw, VALUES[column.kind as 'text']);
  // Long enough for every column, and different for every row.
  return column.uniqueConstraint ? `${value}${++made}${value}.` : value;
}

/** Few parts, so that few lists are empty, and every other one combines filters, of which at most three are within each other. */
function filterFor(draw: Draw, type: GraphQLInputObjectType, ids: readonly string[], levels = 3): object {
  const fields = Object.values(type.getFields());
  const isCombining = (field: (typeof fields)[number]) => getNamedType(field.type) === type;
  const parts = fields.filter((field) => !isCombining(field));
  const combining = levels > 1 ? fields.filter(isCombining) : [];
  const some = Array.from({ length: draw(fc.integer, { min: 0, max: 2 }) }, () =>
    pick(draw, combining.length > 0 && draw(fc.boolean) ? combining : parts),
  );
  return Object.fromEntries(some.map(({ name, type: given }) => [name, inputFor(draw, given, ids, levels - 1)]));
}

function inputFor(draw: Draw, type: GraphQLInputType, ids: readonly string[], levels: number): unknown {
  const nullable = getNullableType(type);
  if (isListType(nullable)) {
    return Array.from({ length: draw(fc.nat, 2) }, () => inputFor(draw, nullable.ofType, ids, levels));
  }
  if (isInputObjectType(nullable)) return filterFor(draw, nullable, ids, levels);
  if (isEnumType(nullable)) return pick(draw, nullable.getValues()).name;
  return pick(draw, nullable.name === 'ID' ? ids : INPUTS[nullable.name]!);
}

const INPUTS: Readonly<Record<string, readonly unknown[]>> = {
  String: TEXTS,
  Boolean: [true, false],
  Float: VALUES.float,
  DateTime: VALUES.time,
  CIDR: ['10.0.0.0/8', '10.0.0.2/31', '10.0.0.1', '0.0.0.0/0', '::/0', '2001:db8::/123', '::ffff:0.0.0.0/96', '::1'],
};

function queryFor(draw: Draw, collection: AnyCollection, ids: readonly string[]): Query {
  const orderType = argumentType(collection.key, 'orderBy') as GraphQLInputObjectType | undefined;
  const fields = (orderType?.getFields().field && getNamedType(orderType.getFields().field!.type)) as GraphQLEnumType;
  const order = fields
    ? {
        field: pick(draw, fields.getValues()).name,
        direction: pick(draw, ['ASC', 'DESC'] as const),
      }
    : collection.defaultOrder;
  const filterType = argumentType(collection.key, 'filter') as GraphQLInputObjectType | undefined;
  const filter = filterType ? filterFor(draw, filterType, ids) : {};
  const from = pick(draw, ['START', 'END'] as const);
  const [after, before] = [0, 1].map(() =>
    draw(fc.nat, 2) > 0 ? null : positionFor(draw, { collection, order }, ids),
  );
  const page = { from, size: draw(fc.integer, { min: 1, max: 5 }), after: after!, before: before! };
  return { collection, order, filter, page };
}

function argumentType(key: string, name: string) {
  const argument = QUERY_FIELDS[key]!.args.find((each) => each.name === name);
  return argument && getNamedType(argument.type);
}

/** A place where no row needs to be. */
function positionFor(draw: Draw, { collection, order }: Pick<Query, 'collection' | 'order'>, ids: readonly string[]) {
  const { kind, values, isNullable } = collection.orders.get(order.field)!;
  const value = isNullable && draw(fc.boolean) ? null : pick(draw, values ?? VALUES[kind as 'text']);
  return {
    value: kind === 'time' && value ? Date.parse(value as string) : (value as string | number | null),
    id: pick(draw, ids),
  };
}

async function cached({ collection, filter, order, page }: Query) {
  const { key } = collection;
  const takes = (name: string) => argumentType(key, name) !== undefined;
  const cursorOf = (position: Position | null) =>
    position && encodeCursor(position, `${key} ${order.field} ${order.direction}`);
  const given = {
    [page.from === 'START' ? 'first' : 'last']: page.size,
    after: cursorOf(page.after),
    before: cursorOf(page.before),
    ...(takes('filter') && { filter }),
    ...(takes('orderBy') && { orderBy: order }),
  };
  const declared = Object.keys(given).map((name) => `$${name}: ${argumentType(key, name)!.name}`);
  const passed = Object.keys(given).map((name) => `${name}: $${name}`);
  const { data, errors } = await testApp.ask(
    `query (${declared.join()}) { ${key}(${passed.join()}) {
      totalCount nodes { id } pageInfo { hasNextPage hasPreviousPage } } }`,
    { variables: given },
  );
  expect(errors).toBeUndefined();
  const { totalCount, nodes, pageInfo } = data[key];
  const { hasNextPage, hasPreviousPage } = pageInfo;
  const [hasMore, comesFrom] = page.from === 'START' ? [hasNextPage, hasPreviousPage] : [hasPreviousPage, hasNextPage];
  expect(comesFrom).toBe((page.from === 'START' ? page.after : page.before) !== null);
  return { count: totalCount, ids: nodes.map(({ id }: { id: string }) => id), hasMore };
}

/** The same, read by a cache that holds nothing. */
async function inSql({ collection, filter, order, page }: Query) {
  const opened = openCollections(collections, { cache: new Cache(), database: testApp.app.database }).of(collection);
  const operation = createOperation();
  const normalized = collection.normalizeFilter(scalars(filter));
  if (!normalized) return { count: 0, ids: [], hasMore: false };
  const { rows, hasMore } = await opened.page({ filter: normalized, order, ...page, shows: [] }, operation);
  const count = await opened.count(normalized, operation);
  return { count, ids: rows.map(({ id }) => id), hasMore };
}

/** The same, by the predicate, of all rows in that order. */
async function byPredicate({ collection, filter, order, page: { from, size, after, before } }: Query) {
  const normalized = collection.normalizeFilter(scalars(filter));
  const all = await inSql({ collection, filter: {}, order, page: { ...FROM_START, size: 500 } });
  const opened = openCollections(collections, { cache: new Cache(), database: testApp.app.database }).of(collection);
  const rows = (await opened.find(all.ids, createOperation())) as Identified[];
  const matching = rows.filter((row) => normalized && collection.filters.matches(normalized, row));
  const isBehind = (row: Identified, position: Position) =>
    comparePositions(order.direction, collection.positionOf(order, row), position) > 0;
  const isAt = (row: Identified, { id, value }: Position) => {
    const held = collection.positionOf(order, row);
    return held.id === id && held.value === value;
  };
  const range = matching.filter(
    (row) => !(after && !isBehind(row, after)) && !(before && (isBehind(row, before) || isAt(row, before))),
  );
  const shown = from === 'START' ? range.slice(0, size) : range.slice(-size);
  return { count: matching.length, ids: shown.map(({ id }) => id), hasMore: range.length > size };
}

/** The values that GraphQL makes of what clients send. */
function scalars(given: object): object {
  const isTime = (value: unknown) => VALUES.time.includes(value);
  return JSON.parse(JSON.stringify(given), (_name, value) => (isTime(value) ? new Date(value) : value));
}

async function insert(draw: Draw, { table, columns }: AnyCollection, ids: ReadonlyMap<unknown, string[]>) {
  const given = columns.filter(({ property }) => !KEPT.includes(property));
  const values = given.map((column) => valueFor(draw, column, ids));
  const places = values.map((_value, index) => `$${index + 1}`);
  const names = given.map(({ name }) => name);
  const [row] = await testApp.sql(
    `insert into ${table} (${names.join()}) values (${places.join()}) returning id`,
    values,
  );
  return row!.id as string;
}

async function write(draw: Draw, collection: AnyCollection, ids: Map<unknown, string[]>): Promise<void> {
  const { entity, table, columns } = collection;
  const own = ids.get(entity)!;
  const kind = pick(draw, ['update', 'update', 'update', 'insert', 'delete']);
  if (kind === 'insert' || own.length < 3) {
    own.push(await insert(draw, collection, ids));
    return;
  }
  const id = pick(draw, own);
  if (kind === 'delete') {
    await testApp.sql(`delete from ${table} where id = $1`, [id]);
    own.splice(own.indexOf(id), 1);
    return;
  }
  const changeable = columns.filter(({ property }) => !KEPT.includes(property));
  const changed = [...new Set([pick(draw, changeable), pick(draw, changeable)])];
  const sets = changed.map(({ name }, index) => `${name} = $${index + 2}`);
  const values = changed.map((column) => valueFor(draw, column, ids));
  await testApp.sql(`update ${table} set ${sets.join()} where id = $1`, [id, ...values]);
}

async function newRows(draw: Draw): Promise<Map<unknown, string[]>> {
  await testApp.sql(`truncate ${collections.map(({ table }) => table).join()}`);
  const ids = new Map<unknown, string[]>();
  for (const collection of collections) {
    ids.set(collection.entity, []);
    for (let row = 0; row < ROWS; row++) ids.get(collection.entity)!.push(await insert(draw, collection, ids));
  }
  await testApp.waitUntilHeard();
  return ids;
}

test('whatever the filter, SQL and the predicate accept the same rows', async () => {
  await fc.assert(
    fc.asyncProperty(fc.gen(), async (draw) => {
      const everyId = [...(await newRows(draw)).values()].flat();
      for (const collection of collections.filter(({ filters }) => filters.parts.length > 0)) {
        for (let index = 0; index < 50; index++) {
          const { collection: _collection, ...asked } = queryFor(draw, collection, everyId);
          const query = { collection, ...asked };
          expect({ ...asked, ...(await inSql(query)) }).toEqual({ ...asked, ...(await byPredicate(query)) });
        }
      }
    }),
    { numRuns: NUM_RUNS, endOnFailure: true },
  );
});

test('whatever is asked and whatever is written, a cached list and count are those of SQL', async () => {
  await fc.assert(
    fc.asyncProperty(fc.gen(), async (draw) => {
      const ids = await newRows(draw);
      const everyId = [...ids.values()].flat();
      const queries = collections.flatMap((collection) =>
        Array.from({ length: collection.filters.parts.length > 0 ? 8 : 1 }, () => queryFor(draw, collection, everyId)),
      );
      for (const query of queries) await cached(query);
      for (let step = 0; step < 8; step++) {
        await write(draw, pick(draw, collections), ids);
        await testApp.waitUntilHeard();
        for (const query of queries) {
          const { collection, ...asked } = query;
          expect({ ...asked, ...(await cached(query)) }).toEqual({ ...asked, ...(await inSql(query)) });
        }
      }
    }),
    { numRuns: NUM_RUNS, endOnFailure: true },
  );
});
