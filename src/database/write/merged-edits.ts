import { type EntityName, raw } from '@mikro-orm/core';
import type { EntityManager, QueryBuilder } from '@mikro-orm/postgresql';
import { escapeLiteral } from 'pg';

/** An edit of one row: the values to write, by the names of the entity's properties. */
export interface Edit {
  // biome-ignore lint/suspicious/noExplicitAny: the types of two concrete entities have nothing in common
  readonly entity: EntityName<any>;
  readonly id: string;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Says that it is an edit, whatever it changes: the trigger counts versions, see `row-version.migration.ts`. */
const COUNTED = { version: raw('version + 1') };

/** One edit as a statement. */
// biome-ignore lint/suspicious/noExplicitAny: the types of two concrete entities have nothing in common
export function buildEdit(em: EntityManager, { entity, id, values }: Edit): Pick<QueryBuilder<any>, 'returning'> {
  return em
    .createQueryBuilder(entity)
    .update({ ...values, ...COUNTED })
    .where({ id });
}

/** A row by column names, with the values in PostgreSQL's JSON form, as in an announcement. */
export type Row = Readonly<Record<string, unknown>>;

interface Merged {
  readonly texts: readonly string[];
  /** What each job returned, in their order, from the rows that each statement returned; `null`: it found no row. */
  readonly resultsOf: (returned: readonly (readonly Row[])[]) => (Row | null)[];
}

/**
 * The statements for jobs of one transaction. An edit shares a statement with those of the same columns of other rows:
 * PostgreSQL plans it once, and the trigger announces its rows together.
 * @param jobs edits, and whole statements that return at most one row
 */
export function mergeEdits(jobs: readonly (string | Edit)[], em: EntityManager): Merged {
  const statements: (string | Map<string, Edit>)[] = [];
  const placeOf = jobs.map((job) => {
    const known =
      typeof job === 'string' ? -1 : statements.findIndex((one) => typeof one !== 'string' && fits(job, one));
    if (known === -1) return statements.push(typeof job === 'string' ? job : new Map([[job.id, job]])) - 1;
    (statements[known] as Map<string, Edit>).set((job as Edit).id, job as Edit);
    return known;
  });
  return {
    texts: statements.map((one) => (typeof one === 'string' ? one : writeEdits([...one.values()], em))),
    resultsOf(returned) {
      const rows = returned.map((ofStatement) => new Map(ofStatement.map((row) => [row.id, row])));
      return jobs.map((job, index) => {
        const place = placeOf[index]!;
        return (typeof job === 'string' ? returned[place]![0] : rows[place]!.get(job.id)) ?? null;
      });
    },
  };
}

function fits(edit: Edit, others: ReadonlyMap<string, Edit>): boolean {
  const [other] = others.values();
  // A second edit of a row is a statement of its own, so that none is lost and each has its own version.
  if (others.has(edit.id) || other!.entity !== edit.entity) return false;
  return Object.keys(other!.values).join() === Object.keys(edit.values).join();
}

/** @param edits of the same columns, and of different rows */
function writeEdits(edits: readonly Edit[], em: EntityManager): string {
  const { entity, values } = edits[0]!;
  const { properties, tableName } = em.getMetadata().get(entity);
  const columns = Object.keys(values).map((property) => {
    const { fieldNames, columnTypes } = properties[property]!;
    return { property, name: fieldNames[0]!, type: columnTypes[0]! };
  });
  // In the order of the ids, so that two such statements seldom wait for each other in a ring.
  const rows = [...edits]
    .sort((a, b) => (a.id < b.id ? -1 : 1))
    .map((edit) => ({
      ...Object.fromEntries(columns.map(({ name, property }) => [name, edit.values[property]])),
      id: edit.id,
    }));
  const given = columns.map(({ name, type }) => `"${name}" ${type}`).join(', ');
  const sets = columns.map(({ name }) => `"${name}" = v."${name}"`).join(', ');
  return `with w as (update "${tableName}" t set ${sets}, version = t.version + 1
    from json_to_recordset(${escapeLiteral(JSON.stringify(rows))}) as v(id uuid, ${given})
    where t.id = v.id returning t.*)
    select to_json(w)::text as row, pg_current_xact_id()::text as xid from w`;
}
