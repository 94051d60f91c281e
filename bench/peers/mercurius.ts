import { fastify } from 'fastify';
import mercurius from 'mercurius';
import mercuriusCache from 'mercurius-cache';
import { announce } from '../measured-process.ts';
import { createContext, RESOLVERS, statements, TYPE_DEFS, type Workstation } from './fleet.ts';

/*
 * Mercurius with its compiler. With `cached`, its cache is on as well: whole lists and rows, with references by which a
 * mutation invalidates them.
 */

const isCached = process.argv.includes('cached');

interface Request {
  readonly self: Workstation;
  readonly arg: { readonly id?: string; readonly first?: number };
}

// Tuned keys: by default a key contains the whole parent row and the selected fields.
const byArgument = ({ arg }: Request) => String(arg.id ?? arg.first);
const byManager = ({ self }: Request) => self.managerId ?? '';
const byParentAndArgument = ({ self, arg }: Request) => `${self.id} ${arg.first}`;

const referenceOf = ({ id }: Workstation) => `workstation:${id}`;
const referTo = (_request: Request, _key: string, row: Workstation | null) => (row ? [referenceOf(row)] : []);
const referToAll = (_request: Request, _key: string, { nodes }: { readonly nodes: readonly Workstation[] }) =>
  nodes.map(referenceOf);
const dropReferring = (_self: unknown, _arg: unknown, _ctx: unknown, _info: unknown, row: Workstation) => [
  referenceOf(row),
];

const app = fastify();
await app.register(mercurius, {
  schema: TYPE_DEFS,
  resolvers: RESOLVERS as never,
  context: createContext,
  jit: 1,
  subscription: true,
});
if (isCached) {
  await app.register(
    mercuriusCache as never,
    {
      ttl: 300,
      storage: { type: 'memory', options: { size: 50_000, invalidation: true } },
      policy: {
        Query: {
          workstation: { key: byArgument, references: referTo },
          workstations: { key: byArgument, references: referToAll },
          managers: { key: byArgument },
        },
        Workstation: { manager: { key: byManager } },
        Manager: { workstations: { key: byParentAndArgument, references: referToAll } },
        Mutation: { updateWorkstation: { invalidate: dropReferring } },
      },
    } as never,
  );
}

const url = await app.listen({ host: '127.0.0.1', port: 0, backlog: 2048 });
announce({ url, statements, clear: () => app.graphql.cache?.clear() });
