import { mkdirSync } from 'node:fs';
import { loadConfig, loadEnvFileIfPresent } from './src/config/config.ts';
import { createOrmOptions } from './src/database/orm.ts';
import { entities, migrations } from './src/features/index.ts';

/** For the MikroORM CLI: `npx mikro-orm migration:list`, and so on, on the database that the environment names. */
export default () => {
  loadEnvFileIfPresent();
  const { database } = loadConfig(process.env);
  if (database.kind === 'pglite') mkdirSync(database.dataDir, { recursive: true });
  return createOrmOptions(database, { entities, migrations });
};
