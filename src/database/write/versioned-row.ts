import { type EntityName, LockMode } from '@mikro-orm/core';
import { StationmasterError } from '../../errors.ts';
import { asJson, firstFromJson, type JsonRow, type Row, type Writer } from './writer.ts';

export interface VersionedUpdate {
  readonly id: string;
  /** The columns to write, by the entity's names; none: nothing is written. */
  readonly values: object;
  /** Refuses the update when the row has another version. */
  readonly expectedVersion: number | null | undefined;
}

/**
 * Updates one row and returns it as it is then, or `null` when there is none.
 * @throws {StationmasterError} STALE_VERSION, and what `Writer` throws
 */
export async function updateVersionedRow(
  writer: Writer,
  // biome-ignore lint/suspicious/noExplicitAny: the types of two concrete entities have nothing in common
  entity: EntityName<any>,
  { id, values, expectedVersion }: VersionedUpdate,
): Promise<Row | null> {
  const writes = Object.keys(values).length > 0;
  if (writes && expectedVersion == null) {
    return writer.row((em) => em.createQueryBuilder(entity).update(values).where({ id }));
  }
  return writer.transaction(async (em) => {
    const one = async (query: Parameters<typeof asJson>[0]) =>
      firstFromJson(await em.execute<JsonRow[]>(asJson(query)));
    // Locked first, so that the version that is checked is the version that is replaced.
    const select = em.createQueryBuilder(entity).select('*').where({ id }).setLockMode(LockMode.PESSIMISTIC_WRITE);
    const held = await one(select);
    if (!held) return null;
    if (expectedVersion != null && expectedVersion !== held.version) {
      const message = `The current version is ${held.version}, not ${expectedVersion}; read it again.`;
      throw new StationmasterError('STALE_VERSION', message, { field: 'input.expectedVersion' });
    }
    return writes ? one(em.createQueryBuilder(entity).update(values).where({ id }).returning('*')) : held;
  });
}
