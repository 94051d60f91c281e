import { LockMode } from '@mikro-orm/core';
import { StationmasterError } from '../../errors.ts';
import { buildEdit, type Edit, type Row } from './merged-edits.ts';
import { asJson, firstFromJson, type JsonRow, type Writer } from './writer.ts';

/** Without values, nothing is written. */
export interface VersionedUpdate extends Edit {
  /** If given, the update is refused unless the row has this version. */
  readonly expectedVersion: number | null | undefined;
}

/**
 * Updates one row and returns its new content, or `null` if there is no such row.
 * @throws {StationmasterError} STALE_VERSION, and the errors of `Writer`
 */
export async function updateVersionedRow(
  writer: Writer,
  { expectedVersion, ...edit }: VersionedUpdate,
): Promise<Row | null> {
  const { entity, id } = edit;
  const writes = Object.keys(edit.values).length > 0;
  if (writes && expectedVersion == null) return writer.edit(edit);
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
    return writes ? one(buildEdit(em, edit).returning('*')) : held;
  });
}
