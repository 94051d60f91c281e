import { openDatabase } from '../../src/database/database.ts';
import { entities, migrations } from '../../src/features/index.ts';
import { createEmbeddedDatabase, createServerDatabase, engine } from '../../src/testing/test-database.ts';

/** Opens a database of its own, on the engine of the tests, that a test migrates up and down. */
export async function openTestDatabase() {
  if (engine === 'postgresql') {
    const { url, dispose } = await createServerDatabase();
    const database = await openDatabase(
      { kind: 'postgresql', url, poolSize: 4, changeFeed: 'notify' },
      { entities, migrations },
    );
    return { database, dispose: () => database.close().then(dispose) };
  }
  const { pglite, dispose } = await createEmbeddedDatabase();
  const database = await openDatabase({ kind: 'pglite', dataDir: '' }, { entities, migrations, pglite });
  return { database, dispose: () => database.close().then(dispose) };
}
