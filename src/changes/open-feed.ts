import type { Config } from '../config/config.ts';
import type { Database } from '../database/database.ts';
import { LISTENER_NAME } from '../database/listeners.ts';
import { DatabaseRefusal } from '../database/refusal.ts';
import { ChangeFeed } from './change-feed.ts';
import { createEchoChannel, createEchoPath, createEmbeddedEchoPath } from './echo-path.ts';
import { createPgliteSource } from './pglite-source.ts';
import { createPostgresqlSource } from './postgresql-source.ts';

export interface OpenFeedOptions {
  readonly database: Database;
  /** Receives why nothing cached is served as fresh, when an operator can change it. */
  readonly onRefusal: (message: string) => void;
  /** Receives everything else that `ChangeFeed` reports. */
  readonly onError: (error: unknown) => void;
}

/** The change feed of a database, which listens once it is started. */
export function openChangeFeed(config: Config['database'], options: OpenFeedOptions): ChangeFeed {
  const { database, onRefusal } = options;
  const onError = (error: unknown) =>
    error instanceof DatabaseRefusal ? onRefusal(error.message) : options.onError(error);
  const echoChannel = createEchoChannel();
  const { pglite } = database;
  if (pglite) {
    const echo = createEmbeddedEchoPath(echoChannel, (text, values) => pglite.query(text, [...values]));
    return new ChangeFeed({ source: createPgliteSource(pglite, [echoChannel]), echo, onError });
  }
  const source = createPostgresqlSource({
    connectionString: (config as { url: string }).url,
    applicationName: LISTENER_NAME,
    channels: [echoChannel],
    makeRoom: () => database.makeRoom(),
  });
  return new ChangeFeed({ source, echo: createEchoPath(database, echoChannel, source.run), onError });
}
