import { type Api, RefusedError } from './api.ts';
import type { Fields } from './history.ts';
import type { Sql } from './sql.ts';

/** A way for changes into the database. Its methods throw a `RefusedError` when a change had no effect. */
export interface Gate {
  /** The instance that executes the change; `null`: none. */
  readonly via: number | null;
  create(values: Fields): Promise<{ readonly id: string; readonly createdAtMs: number }>;
  /** Changes one row, or several in one transaction. Returns their new versions; `null` for a missing row. */
  update(changes: readonly RowChange[]): Promise<(number | null)[]>;
  /** Changes rows as agents do. Returns the number of rows found, without their versions. */
  report(changes: readonly RowChange[]): Promise<number>;
  updateManager(id: string, name: string): Promise<number | null>;
  delete(id: string): Promise<void>;
}

export interface RowChange {
  readonly id: string;
  /** Only the columns that change. */
  readonly values: Fields;
}

export function createApiGate(via: number, api: Api): Gate {
  return {
    via,
    async create(values) {
      const input = { ...values, hostname: 'host', ipAddress: '10.0.0.1' };
      const { data } = await api.ask(
        'mutation ($input: CreateWorkstationInput!) { createWorkstation(input: $input) { id createdAt } }',
        { input },
      );
      const { id, createdAt } = data.createWorkstation;
      return { id, createdAtMs: Date.parse(createdAt) };
    },
    async update(changes) {
      const versions = [];
      for (const { id, values } of changes) {
        const { data } = await api.ask(
          'mutation ($id: ID!, $input: UpdateWorkstationInput!) { updateWorkstation(id: $id, input: $input) { version } }',
          { id, input: values },
        );
        versions.push(data.updateWorkstation.version);
      }
      return versions;
    },
    async report(changes) {
      const readings = changes.map(({ id, values }) => ({ workstationId: id, ...values }));
      const { data } = await api.ask(
        'mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored } }',
        { readings },
      );
      return data.reportTelemetry.stored;
    },
    async updateManager(id, name) {
      const { data } = await api.ask(
        'mutation ($id: ID!, $input: UpdateManagerInput!) { updateManager(id: $id, input: $input) { version } }',
        { id, input: { name } },
      );
      return data.updateManager.version;
    },
    async delete(id) {
      await api.ask('mutation ($id: ID!) { deleteWorkstation(id: $id) }', { id });
    },
  };
}

const COLUMN_OF: Readonly<Record<string, string>> = {
  operatingSystem: 'operating_system',
  status: 'status',
  managerId: 'manager_id',
  cpuUsage: 'cpu_usage',
};

export function createSqlGate(sql: Sql): Gate {
  const gate: Gate = {
    via: null,
    async create({ name, operatingSystem, status, managerId }) {
      const text = `insert into workstation (name, hostname, ip_address, operating_system, status, manager_id)
        values ($1, 'host', '10.0.0.1', $2, $3, $4) returning id, created_at`;
      const values = [name, operatingSystem, status, managerId];
      const [rows] = await sql.run<{ id: string; created_at: Date }>({ text, values });
      const [{ id, created_at }] = rows as [{ id: string; created_at: Date }];
      return { id, createdAtMs: created_at.getTime() };
    },
    async update(changes) {
      const results = await sql.run<{ version: number }>(...changes.map(toStatement));
      return results.map(([row]) => row?.version ?? null);
    },
    report: async (changes) => (await gate.update(changes)).filter((version) => version !== null).length,
    async updateManager(id, name) {
      const text = 'update manager set name = $2 where id = $1 returning version';
      const [rows] = await sql.run<{ version: number }>({ text, values: [id, name] });
      return rows![0]?.version ?? null;
    },
    async delete(id) {
      const text = 'delete from workstation where id = $1 returning id';
      const [rows] = await sql.run({ text, values: [id] });
      if (rows!.length === 0) throw new RefusedError('NOT_FOUND: There was no such row.');
    },
  };
  return gate;
}

function toStatement({ id, values }: RowChange) {
  const names = Object.keys(values);
  const assignments = names.map((name, index) => `${COLUMN_OF[name]} = $${index + 2}`);
  const text = `update workstation set ${assignments.join(', ')} where id = $1 returning version`;
  return { text, values: [id, ...Object.values(values)] };
}
