import type { Database } from '../../database/database.ts';
import { tablesOf } from '../../database/followed-tables.ts';
import { preparePublication } from '../../database/publication.ts';
import { EXIT_CODE, INSUFFICIENT_PRIVILEGE, StartError } from '../../process/start-error.ts';
import { describeReplication } from './logical-source.ts';
import { createReplicationClient } from './replication-stream.ts';

/**
 * Makes sure that the log of the database can be decoded, if the instances hear of changes by that.
 * @throws {StartError} which says what an operator has to do
 */
export async function requireDecoding(database: Database, url: string): Promise<void> {
  const session = await database.openSession();
  try {
    await preparePublication((text, values) => session.query(text, values), tablesOf(database));
  } finally {
    session.destroy();
  }
  const replication = createReplicationClient(describeReplication(url));
  try {
    await replication.connect();
  } catch (error) {
    if ((error as { code?: unknown }).code !== INSUFFICIENT_PRIVILEGE) throw error;
    const message =
      'The role of DATABASE_URL may not decode the log, as CHANGE_FEED=logical needs it to. Run as a superuser: ' +
      'alter role … replication;';
    throw new StartError(EXIT_CODE.rightMissing, message, { cause: error });
  } finally {
    replication.destroy();
  }
}
