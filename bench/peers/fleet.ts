import DataLoader from 'dataloader';
import pg from 'pg';
import { countStatements } from '../measured-process.ts';

/*
 * The part of the fleet's schema that the workloads use, and its prepared statements, for the peers without an ORM.
 * Each level of a query takes a fixed number of statements.
 */

export const TYPE_DEFS = /* GraphQL */ `
  type Workstation {
    id: ID!
    name: String!
    hostname: String!
    ipAddress: String!
    operatingSystem: String!
    status: String!
    cpuUsage: Float
    memoryUsage: Float
    diskUsage: Float
    version: Int!
    manager: Manager
  }
  type Manager {
    id: ID!
    name: String!
    email: String!
    version: Int!
    workstations(first: Int = 50): WorkstationConnection!
  }
  type WorkstationConnection {
    nodes: [Workstation!]!
  }
  type ManagerConnection {
    nodes: [Manager!]!
  }
  type Query {
    workstations(first: Int = 50): WorkstationConnection!
    workstation(id: ID!): Workstation
    managers(first: Int = 50): ManagerConnection!
  }
  input UpdateWorkstationInput {
    hostname: String
  }
  input TelemetryReading {
    workstationId: ID!
    cpuUsage: Float
  }
  type TelemetryReport {
    stored: Int!
  }
  type Mutation {
    updateWorkstation(id: ID!, input: UpdateWorkstationInput!): Workstation!
    reportTelemetry(readings: [TelemetryReading!]!): TelemetryReport!
  }
  type WorkstationChange {
    kind: String!
    workstation: Workstation
  }
  type Subscription {
    workstationChanged: WorkstationChange!
  }
`;

export interface Workstation {
  readonly id: string;
  readonly managerId: string | null;
}

export interface Manager {
  readonly id: string;
}

export const statements = countStatements(import.meta.url);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

const WORKSTATION = `w.id, w.name, w.hostname, host(w.ip_address) as "ipAddress",
  w.operating_system as "operatingSystem", w.status, w.cpu_usage as "cpuUsage", w.memory_usage as "memoryUsage",
  w.disk_usage as "diskUsage", w.version, w.manager_id as "managerId"`;
const MANAGER = 'm.id, m.name, m.email, m.version';

async function rows<Row>(name: string, text: string, values: readonly unknown[]): Promise<Row[]> {
  return (await pool.query({ name, text, values: [...values] })).rows;
}

export const CHANGED = 'workstationChanged';

export interface Change {
  readonly workstationChanged: { readonly kind: string; readonly workstation: Workstation };
}

/** Reports of telemetry tell the subscribers what they changed. */
export interface Publisher {
  publish(event: { readonly topic: typeof CHANGED; readonly payload: Change }): unknown;
  subscribe(topic: typeof CHANGED): unknown;
}

/** The loaders of one request. */
export interface Context {
  readonly manager: DataLoader<string, Manager>;
  readonly workstation: DataLoader<string, Workstation | null>;
  readonly workstationsOf: DataLoader<string, Workstation[]>;
}

export function createContext(): Context & Record<string, unknown> {
  return {
    manager: new DataLoader(async (ids) => {
      const found = await rows<Manager>('m', `select ${MANAGER} from manager m where m.id = any($1::uuid[])`, [ids]);
      const byId = new Map(found.map((row) => [row.id, row]));
      return ids.map((id) => byId.get(id)!);
    }),
    workstation: new DataLoader(async (ids) => {
      const text = `select ${WORKSTATION} from workstation w where w.id = any($1::uuid[])`;
      const byId = new Map((await rows<Workstation>('w', text, [ids])).map((row) => [row.id, row]));
      return ids.map((id) => byId.get(id) ?? null);
    }),
    // A workload uses one page size, so all keys of a batch have the same size.
    workstationsOf: new DataLoader(async (keys) => {
      const first = Number(keys[0]!.split(' ')[1]);
      const ids = keys.map((key) => key.split(' ')[0]!);
      const found = await rows<Workstation>(
        'ws-of',
        `select w.* from unnest($1::uuid[]) m (id) cross join lateral (
          select ${WORKSTATION} from workstation w where w.manager_id = m.id
          order by w.created_at desc, w.id desc limit $2) w`,
        [ids, first],
      );
      const byManager = Map.groupBy(found, ({ managerId }) => managerId);
      return ids.map((id) => byManager.get(id) ?? []);
    }),
  };
}

export const RESOLVERS = {
  Query: {
    workstation: (_root: unknown, { id }: { id: string }, ctx: Context) => ctx.workstation.load(id),
    async workstations(_root: unknown, { first }: { first: number }) {
      const text = `select ${WORKSTATION} from workstation w order by w.created_at desc, w.id desc limit $1`;
      return { nodes: await rows<Workstation>('ws', text, [first]) };
    },
    async managers(_root: unknown, { first }: { first: number }, ctx: Context) {
      const text = `select ${MANAGER} from manager m order by m.created_at desc, m.id desc limit $1`;
      const nodes = await rows<Manager>('ms', text, [first]);
      for (const manager of nodes) ctx.manager.prime(manager.id, manager);
      return { nodes };
    },
  },
  Workstation: {
    manager: ({ managerId }: Workstation, _args: unknown, ctx: Context) =>
      managerId === null ? null : ctx.manager.load(managerId),
  },
  Manager: {
    workstations: async ({ id }: Manager, { first }: { first: number }, ctx: Context) => ({
      nodes: await ctx.workstationsOf.load(`${id} ${first}`),
    }),
  },
  Mutation: {
    async updateWorkstation(_root: unknown, { id, input }: { id: string; input: { hostname: string } }) {
      const text = `update workstation w set hostname = $2 where w.id = $1 returning ${WORKSTATION}`;
      return (await rows<Workstation>('w-update', text, [id, input.hostname]))[0];
    },
    async reportTelemetry(
      _root: unknown,
      { readings }: { readings: readonly { workstationId: string; cpuUsage: number }[] },
      { pubsub }: { readonly pubsub: Publisher },
    ) {
      const text = `update workstation w set cpu_usage = r.cpu_usage
        from unnest($1::uuid[], $2::float8[]) r (id, cpu_usage) where w.id = r.id returning ${WORKSTATION}`;
      const values = [readings.map(({ workstationId }) => workstationId), readings.map(({ cpuUsage }) => cpuUsage)];
      const stored = await rows<Workstation>('w-report', text, values);
      for (const workstation of stored) {
        pubsub.publish({ topic: CHANGED, payload: { workstationChanged: { kind: 'UPDATED', workstation } } });
      }
      return { stored: stored.length };
    },
  },
  Subscription: {
    workstationChanged: {
      subscribe: (_root: unknown, _args: unknown, { pubsub }: { readonly pubsub: Publisher }) =>
        pubsub.subscribe(CHANGED),
    },
  },
};
