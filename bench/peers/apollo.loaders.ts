import type { SqlEntityManager } from '@mikro-orm/postgresql';
import DataLoader from 'dataloader';
import { Manager, Workstation } from './apollo.entities.ts';

export interface Context {
  readonly em: SqlEntityManager;
  readonly loaders: Loaders;
}

export interface Loaders {
  readonly manager: DataLoader<string, Manager | null>;
  readonly workstationsOf: DataLoader<string, Workstation[]>;
}

export function createLoaders(em: SqlEntityManager): Loaders {
  return {
    manager: new DataLoader(async (ids) => {
      const found = await em.find(Manager, { id: { $in: [...ids] } });
      const byId = new Map(found.map((manager) => [manager.id, manager]));
      return ids.map((id) => byId.get(id) ?? null);
    }),
    workstationsOf: new DataLoader(async (ids) => {
      const found = await em.find(
        Workstation,
        { manager: { $in: [...ids] } },
        { orderBy: { createdAt: 'desc', id: 'desc' } },
      );
      const byManager = Map.groupBy(found, ({ manager }) => manager?.id);
      return ids.map((id) => byManager.get(id) ?? []);
    }),
  };
}
