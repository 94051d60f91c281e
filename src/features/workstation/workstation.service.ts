import { v7 as uuidV7 } from 'uuid';
import { updateVersionedRow } from '../../database/write/versioned-row.ts';
import type { Writer } from '../../database/write/writer.ts';
import { StationmasterError } from '../../errors.ts';
import { normalizeId } from '../../graphql/ids.ts';
import { WorkstationEntity } from './workstation.entity.ts';
import {
  type CreateWorkstationInput,
  checkReadings,
  checkWorkstation,
  type TelemetryReading,
  type UpdateWorkstationInput,
  type WorkstationValues,
} from './workstation.inputs.ts';
import { type WorkstationRecord, workstationFromRow } from './workstation.record.ts';
import { TelemetryWindows } from './workstation.telemetry.ts';

/** The rules and transactions of workstations. Reads are the loaders' part. */
export class WorkstationService {
  readonly #writer: Writer;
  readonly #telemetry: TelemetryWindows;

  constructor(writer: Writer) {
    this.#writer = writer;
    this.#telemetry = new TelemetryWindows(writer);
  }

  /**
   * Adds a workstation.
   * @throws {StationmasterError} BAD_USER_INPUT, CONFLICT (the name is taken) or NOT_FOUND (the manager)
   */
  async create(input: CreateWorkstationInput): Promise<WorkstationRecord> {
    const values = checkWorkstation({ ...input, status: input.status ?? 'OFFLINE' }) as Required<WorkstationValues>;
    const row = { ...values, id: uuidV7() };
    const stored = await this.#writer.row((em) => em.createQueryBuilder(WorkstationEntity).insert(row));
    return workstationFromRow(stored!);
  }

  /**
   * Changes a workstation. Without anything to change, nothing is written.
   * @throws {StationmasterError} BAD_USER_INPUT, CONFLICT, NOT_FOUND (the workstation or the manager) or STALE_VERSION
   */
  async update(id: string, input: UpdateWorkstationInput): Promise<WorkstationRecord> {
    const values = checkWorkstation(input);
    const known = knownId(id);
    const { expectedVersion } = input;
    const row = await updateVersionedRow(this.#writer, WorkstationEntity, { id: known, values, expectedVersion });
    if (!row) throw notFound();
    return workstationFromRow(row);
  }

  /** @throws {StationmasterError} NOT_FOUND */
  async delete(id: string): Promise<string> {
    const known = knownId(id);
    await this.#writer.transaction(async (em) => {
      const { affectedRows } = await em.createQueryBuilder(WorkstationEntity).delete({ id: known }).execute('run');
      if (affectedRows === 0) throw notFound();
    });
    return known;
  }

  /**
   * Stores a batch of telemetry; of several readings of one workstation the later values count. Batches that come close
   * together share a statement, and each is answered once it is committed.
   * @returns how many workstations were updated, and the ids that none has
   * @throws {StationmasterError} BAD_USER_INPUT, and then nothing is stored
   */
  async reportTelemetry(readings: readonly TelemetryReading[]): Promise<{ stored: number; unknownIds: string[] }> {
    checkReadings(readings);
    const found = await this.#telemetry.store(readings);
    const stored = new Set<string>();
    const unknownIds = new Set<string>();
    for (const { workstationId } of readings) {
      const id = normalizeId(workstationId);
      if (id && found.has(id)) stored.add(id);
      else unknownIds.add(workstationId);
    }
    return { stored: stored.size, unknownIds: [...unknownIds] };
  }
}

function knownId(id: string): string {
  const known = normalizeId(id);
  if (!known) throw notFound();
  return known;
}

function notFound(): StationmasterError {
  return new StationmasterError('NOT_FOUND', 'There is no workstation with this id.', { field: 'id' });
}
