import { raw } from '@mikro-orm/core';
import type { EntityManager } from '@mikro-orm/postgresql';
import { v7 as uuidV7 } from 'uuid';
import { AGENT_KEY_PREFIX } from '../../auth/agent-keys.ts';
import { normalizeId } from '../../collections/index.ts';
import type { Database } from '../../database/database.ts';
import type { Row } from '../../database/write/merged-edits.ts';
import { asJson, firstFromJson, type JsonRow, type Writer } from '../../database/write/writer.ts';
import { StationmasterError } from '../../errors.ts';
import { WorkstationEntity, workstations } from '../workstation/index.ts';
import { EnrollmentEntity, KeyEntity } from './agents.entities.ts';
import type {
  AgentCredentials,
  AgentEnrollment,
  AgentEnrollmentToken,
  CreateAgentEnrollmentInput,
  EnrollAgentInput,
} from './agents.types.ts';
import { createSecret, ENROLLMENT_TOKEN_PREFIX, hashSecret, isSecret } from './secrets.ts';

const MAX_LISTED = 1000;

/** The tokens with which agents enroll, and the keys that they get. */
export class Enrollments {
  readonly #database: Database;
  readonly #writer: Writer;

  constructor(database: Database, writer: Writer) {
    this.#database = database;
    this.#writer = writer;
  }

  /** The newest first. */
  async list(): Promise<AgentEnrollment[]> {
    const text = `select to_json(e)::text as row from agent_enrollment e order by created_at desc, id desc limit ${MAX_LISTED}`;
    const rows = await this.#database.query<JsonRow>('agent-enrollments', text, []);
    return rows.map(({ row }) => toEnrollment(JSON.parse(row)));
  }

  /** @param input checked */
  async create({ label, maxUses, expiresInSeconds }: CreateAgentEnrollmentInput): Promise<AgentEnrollmentToken> {
    const token = createSecret(ENROLLMENT_TOKEN_PREFIX);
    const row = await this.#writer.row((em) =>
      em.createQueryBuilder(EnrollmentEntity).insert({
        id: uuidV7(),
        label,
        tokenHash: hashSecret(token),
        maxUses: maxUses ?? 1,
        expiresAt: raw('clock_timestamp() + make_interval(secs => ?)', [expiresInSeconds ?? 86_400]),
      }),
    );
    return { ...toEnrollment(row!), token };
  }

  /**
   * Ends a token. The keys that machines got with it stay.
   * @returns whether this call revoked it
   * @throws {StationmasterError} NOT_FOUND
   */
  async revoke(id: string): Promise<boolean> {
    const known = normalizeId(id);
    if (!known) throw noSuchEnrollment();
    return this.#writer.transaction(async (em) => {
      const enrollments = em.createQueryBuilder(EnrollmentEntity);
      const revocation = enrollments
        .update({ revokedAt: raw('clock_timestamp()') })
        .where({ id: known, revokedAt: null });
      if ((await revocation.execute('run')).affectedRows > 0) return true;
      if ((await em.count(EnrollmentEntity, { id: known })) === 0) throw noSuchEnrollment();
      return false;
    });
  }

  /**
   * Ends the key of a workstation's agent.
   * @returns whether there was one
   * @throws {StationmasterError} NOT_FOUND: there is no such workstation
   */
  async revokeKey(workstationId: string): Promise<boolean> {
    const known = normalizeId(workstationId);
    if (!known) throw noSuchWorkstation();
    return this.#writer.transaction(async (em) => {
      const deletion = em.createQueryBuilder(KeyEntity).delete({ workstationId: known });
      if ((await deletion.execute('run')).affectedRows > 0) return true;
      if ((await em.count(WorkstationEntity, { id: known })) === 0) throw noSuchWorkstation();
      return false;
    });
  }

  /**
   * Enrolls a machine: a new one becomes a workstation, a known one gets a new key for its own, and its old key ends.
   * A token is used up by machines, so one that enrolls again with the token of its present key costs no use.
   *
   * @param input checked
   * @throws {StationmasterError} UNAUTHENTICATED for a token that is unknown, revoked or expired; FORBIDDEN for one that is
   *   used up
   */
  async enroll(token: string, input: EnrollAgentInput): Promise<AgentCredentials> {
    if (!isSecret(token, ENROLLMENT_TOKEN_PREFIX)) throw badToken();
    const key = createSecret(AGENT_KEY_PREFIX);
    const row = await this.#writer.transaction(async (em) => {
      const enrollment = await lockEnrollment(em, hashSecret(token));
      const known = await lockMachine(em, input.machineId);
      if (known === null || (await findEnrollmentOf(em, known.id)) !== enrollment.id) await use(em, enrollment);
      const stored = known ? await describeAnew(em, known, input) : await addWorkstation(em, input);
      await storeKey(em, { workstationId: stored.id as string, keyHash: hashSecret(key), enrollment: enrollment.id });
      return stored;
    });
    const workstation = workstations.shape.fromJson(row);
    if (!workstation)
      throw new TypeError('A workstation was enrolled, but its table has other columns or types by now.');
    return { workstation, key };
  }
}

interface Enrollment {
  readonly id: string;
  readonly max_uses: number;
  readonly uses: number;
  readonly is_expired: boolean;
}

/** Those who enroll with one token take turns, so that it is not used once too often. */
async function lockEnrollment(em: EntityManager, tokenHash: string): Promise<Enrollment> {
  const [found] = await em.execute<Enrollment[]>(
    `select id, max_uses, uses, expires_at <= clock_timestamp() as is_expired from agent_enrollment
      where token_hash = ? and revoked_at is null for update`,
    [tokenHash],
  );
  if (!found) throw badToken();
  if (!found.is_expired) return found;
  throw new StationmasterError('UNAUTHENTICATED', 'The enrollment token has expired.', { field: 'token' });
}

/** One after the other, so that a machine that enrolls twice at once becomes one workstation. */
async function lockMachine(em: EntityManager, machineId: string): Promise<(Row & { readonly id: string }) | null> {
  await em.execute('select pg_advisory_xact_lock(hashtextextended(?, 0))', [machineId]);
  const rows = await em.execute<JsonRow[]>(
    'select to_json(w)::text as row from workstation w where machine_id = ? for no key update',
    [machineId],
  );
  return firstFromJson(rows) as (Row & { readonly id: string }) | null;
}

async function findEnrollmentOf(em: EntityManager, workstationId: string): Promise<string | null> {
  const [key] = await em.execute<{ enrollment_id: string | null }[]>(
    'select enrollment_id from agent_key where workstation_id = ?',
    [workstationId],
  );
  return key?.enrollment_id ?? null;
}

async function use(em: EntityManager, { id, uses, max_uses: maxUses }: Enrollment): Promise<void> {
  if (uses >= maxUses) {
    const machines = maxUses === 1 ? 'one machine' : `${maxUses} machines`;
    const message = `The enrollment token is used up: it was for ${machines}.`;
    throw new StationmasterError('FORBIDDEN', message, { field: 'token' });
  }
  await em.execute('update agent_enrollment set uses = uses + 1 where id = ?', [id]);
}

/** The name stays, because people may have changed it. */
async function describeAnew(
  em: EntityManager,
  known: Row & { readonly id: string },
  { hostname, ipAddress, operatingSystem }: EnrollAgentInput,
): Promise<Row> {
  const [changed] = await em.execute<JsonRow[]>(
    `with w as (
      update workstation set hostname = ?, ip_address = ?::inet, operating_system = ? where id = ?
        and (hostname, ip_address, operating_system) is distinct from (?, ?::inet, ?) returning *
    ) select to_json(w)::text as row from w`,
    [hostname, ipAddress, operatingSystem, known.id, hostname, ipAddress, operatingSystem],
  );
  return changed ? JSON.parse(changed.row) : known;
}

async function addWorkstation(em: EntityManager, { name, ...machine }: EnrollAgentInput): Promise<Row> {
  for (const candidate of namesFor(name ?? machine.hostname, machine.machineId)) {
    const row = { ...machine, id: uuidV7(), name: candidate };
    const insertion = em.createQueryBuilder(WorkstationEntity).insert(row).onConflict('name').ignore().returning('*');
    const added = firstFromJson(await em.execute<JsonRow[]>(asJson(insertion)));
    if (added) return added;
  }
  throw new StationmasterError('CONFLICT', 'Another workstation has this name.', { field: 'input.name' });
}

const MAX_NAME_LENGTH = 200;

/** The name, then with a number, and where many machines have it, with what no other machine has. */
function namesFor(name: string, machineId: string): string[] {
  const suffixes = [
    '',
    '-2',
    '-3',
    '-4',
    '-5',
    `-${hashSecret(machineId)
      .replace(/[^a-z0-9]/gi, '')
      .slice(0, 12)}`,
  ];
  const characters = [...name];
  return suffixes.map((suffix) => `${characters.slice(0, MAX_NAME_LENGTH - suffix.length).join('')}${suffix}`);
}

async function storeKey(
  em: EntityManager,
  key: { readonly workstationId: string; readonly keyHash: string; readonly enrollment: string },
): Promise<void> {
  const insertion = em.createQueryBuilder(KeyEntity).insert({ id: uuidV7(), ...key });
  await insertion.onConflict('workstationId').merge(['keyHash', 'enrollment']).execute('run');
}

/** Unknown and revoked tokens get the same error, so that it does not reveal which tokens existed. */
function badToken(): StationmasterError {
  const message = 'The enrollment token is not known, or has been revoked.';
  return new StationmasterError('UNAUTHENTICATED', message, { field: 'token' });
}

function noSuchEnrollment(): StationmasterError {
  return new StationmasterError('NOT_FOUND', 'There is no enrollment with this id.', { field: 'id' });
}

function noSuchWorkstation(): StationmasterError {
  return new StationmasterError('NOT_FOUND', 'There is no workstation with this id.', { field: 'workstationId' });
}

function toEnrollment(row: Row): AgentEnrollment {
  const time = (column: string) => new Date(row[column] as string);
  return {
    id: row.id as string,
    label: row.label as string,
    maxUses: row.max_uses as number,
    uses: row.uses as number,
    createdAt: time('created_at'),
    expiresAt: time('expires_at'),
    revokedAt: row.revoked_at === null ? null : time('revoked_at'),
  };
}
