import type { Pool } from 'pg';
import type { DatabaseClient } from './database-client.ts';

/**
 * Makes sure that all pooled connections of a process lead to one server: the one that was reached last. After a failover, or
 * behind a balancer, the old ones may still lead to another, where the rows have another history.
 */
export class ServerWatch {
  readonly #pools: Governed[] = [];
  readonly #outdated = new WeakSet<DatabaseClient>();
  #server: string | undefined;
  #onChange: () => void = () => {};

  /** Calls `listener` before a pooled connection to another server than before is used for the first time. */
  onChange(listener: () => void): void {
    this.#onChange = listener;
  }

  /** Looks after the connections of a pool. */
  govern(pool: Pool): void {
    const governed: Governed = { idle: new Set(), busy: new Set() };
    const { idle, busy } = governed;
    this.#pools.push(governed);
    onClient(pool, 'acquire', (client) => {
      idle.delete(client);
      busy.add(client);
      // It was opened while another one found another server.
      if (this.#isElsewhere(client)) client.destroy();
    });
    onClient(pool, 'release', (client) => {
      busy.delete(client);
      // Others are as old, and would refuse one write each.
      if (client.isOutdated) this.#replace(governed);
      // Before the pool decides whether to keep it.
      if (client.isOutdated || this.#isElsewhere(client) || this.#outdated.has(client)) client.destroy();
      else idle.add(client);
    });
    onClient(pool, 'remove', (client) => {
      idle.delete(client);
      busy.delete(client);
    });
  }

  /** Notes which server a new connection leads to. */
  readonly observe = (server: string): void => {
    const isAnother = this.#server !== undefined && this.#server !== server;
    this.adopt(server);
    if (isAnother) this.#onChange();
  };

  /** The same for the connection of the change feed, which `onChange` need not tell. */
  readonly adopt = (server: string): void => {
    if (this.#server === server) return;
    this.#server = server;
    for (const { idle, busy } of this.#pools) {
      for (const client of busy) {
        if (this.#isElsewhere(client)) client.destroy();
      }
      for (const client of idle) {
        if (this.#isElsewhere(client)) takeOut(client, idle);
      }
    }
  };

  /** Replaces all connections by new ones: idle ones at once, the others after the statement they are busy with. */
  replaceAll(): void {
    for (const governed of this.#pools) this.#replace(governed);
  }

  #replace({ idle, busy }: Governed): void {
    for (const client of busy) this.#outdated.add(client);
    for (const client of idle) takeOut(client, idle);
  }

  #isElsewhere(client: DatabaseClient): boolean {
    return this.#server !== undefined && client.server !== this.#server;
  }
}

interface Governed {
  readonly idle: Set<DatabaseClient>;
  readonly busy: Set<DatabaseClient>;
}

function onClient(
  pool: Pool,
  event: 'acquire' | 'release' | 'remove',
  listener: (client: DatabaseClient) => void,
): void {
  // Only the event of a release has an error before its client.
  pool.on(event as 'acquire', (...given: unknown[]) => listener(given.at(-1) as DatabaseClient));
}

/** A pool lets go of an idle connection at once when that fails. */
function takeOut(client: DatabaseClient, idle: Set<DatabaseClient>): void {
  idle.delete(client);
  client.emit('error', new Error('The connection is replaced.'));
}
