import { type EntityName, LockMode, raw } from '@mikro-orm/core';
import { StationmasterError } from '../../errors.ts';
import { asJson, firstFromJson, type JsonRow, type Row, type Writer } from './writer.ts';

export interface VersionedUpdate {
  readonly id: string;
  /** The values to write, by the entity's property names. If empty, nothing is written. */
  readonly values: object;
  /** If given, the update is refused unless the row has this version. */
  readonly expectedVersion: number | null | undefined;
}

/**
 * Updates one row and returns its new content, or `null` if there is no such row.
 * @throws {StationmasterError} STALE_VERSION, and the errors of `Writer`
 */
export async function updateVersionedRow(
  writer: Writer,
  // biome-ignore lint/suspicious/noExplicitAny: the types of two concrete entities have nothing in common
  entity: EntityName<any>,
  { id, values, expectedVersion }: VersionedUpdate,
): Promise<Row | null> {
  const writes = Object.keys(values).length > 0;
  const edit = { ...values, ...COUNTED };
  if (writes && expectedVersion == null) {
    return writer.row((em) => em.createQueryBuilder(entity).update(edit).where({ id }));
  }
  return writer.transaction(async (em) => {
    const one = async (query: Parameters<typeof asJson>[0]) =>
      firstFromJson(await em.execute<JsonRow[]>(asJson(query)));
    // The lock keeps the row from changing between the check of its version and the update.
    const select = em.createQueryBuilder(entity).select('*').where({ id }).setLockMode(LockMode.PESSIMISTIC_WRITE);
    const held = await one(select);
    if (!held) return null;
    if (expectedVersion != null && expectedVersion !== held.version) {
      const message = `The current version is ${held.version}, not ${expectedVersion}; read it again.`;
      throw new StationmasterError('STALE_VERSION', message, { field: 'input.expectedVersion' });
    }
    return writes ? one(em.createQueryBuilder(entity).update(edit).where({ id }).returning('*')) : held;
  });
}

/** Says that it is an edit, whatever it changes: the trigger counts versions, see `row-version.migration.ts`. */
const COUNTED = { version: raw('version + 1') };
