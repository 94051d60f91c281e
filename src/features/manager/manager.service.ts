import { v7 as uuidV7 } from 'uuid';
import { type Cache, Cached, type ReadTrace } from '../../cache/index.ts';
import { updateVersionedRow } from '../../database/write/versioned-row.ts';
import type { Writer } from '../../database/write/writer.ts';
import { StationmasterError } from '../../errors.ts';
import { normalizeId } from '../../graphql/ids.ts';
import { MANAGER_COUNT, MANAGER_EXISTENCE } from './manager.cache.ts';
import { ManagerEntity } from './manager.entity.ts';
import {
  type CreateManagerInput,
  checkManager,
  type ManagerValues,
  type UpdateManagerInput,
} from './manager.inputs.ts';
import type { ManagerSource } from './manager.loader.ts';
import { type ManagerRecord, managerFromRow } from './manager.record.ts';

/** The rules and transactions of managers. Reads of records and lists are the loaders' part. */
export class ManagerService {
  readonly cache: Cache;
  readonly #database: ManagerSource['database'];
  readonly #writer: Writer;

  constructor({ cache, database }: ManagerSource, writer: Writer) {
    this.cache = cache;
    this.#database = database;
    this.#writer = writer;
  }

  /** How many managers are on record. */
  @Cached({ keyPrefix: MANAGER_COUNT, tags: [MANAGER_EXISTENCE] })
  async count(_trace?: ReadTrace): Promise<number> {
    const text = 'select count(*)::int as count from manager';
    const [row] = await this.#database.query<{ count: number }>('managers-count', text, []);
    return row!.count;
  }

  /**
   * Adds a manager.
   * @throws {StationmasterError} BAD_USER_INPUT or CONFLICT (the email address is taken)
   */
  async create(input: CreateManagerInput): Promise<ManagerRecord> {
    const values = checkManager(input) as Required<ManagerValues>;
    const row = { ...values, id: uuidV7() };
    const stored = await this.#writer.row((em) => em.createQueryBuilder(ManagerEntity).insert(row));
    return managerFromRow(stored!);
  }

  /**
   * Changes a manager. Without anything to change, nothing is written.
   * @throws {StationmasterError} BAD_USER_INPUT, CONFLICT, NOT_FOUND or STALE_VERSION
   */
  async update(id: string, input: UpdateManagerInput): Promise<ManagerRecord> {
    const values = checkManager(input);
    const known = knownId(id);
    const { expectedVersion } = input;
    const row = await updateVersionedRow(this.#writer, ManagerEntity, { id: known, values, expectedVersion });
    if (!row) throw notFound();
    return managerFromRow(row);
  }

  /**
   * Removes a manager, whose workstations stay and have none from then on.
   * @throws {StationmasterError} NOT_FOUND
   */
  async delete(id: string): Promise<string> {
    const known = knownId(id);
    await this.#writer.transaction(async (em) => {
      const { affectedRows } = await em.createQueryBuilder(ManagerEntity).delete({ id: known }).execute('run');
      if (affectedRows === 0) throw notFound();
    });
    return known;
  }
}

function knownId(id: string): string {
  const known = normalizeId(id);
  if (!known) throw notFound();
  return known;
}

function notFound(): StationmasterError {
  return new StationmasterError('NOT_FOUND', 'There is no manager with this id.', { field: 'id' });
}
