import { connect, createServer, type Server, type Socket } from 'node:net';
import { isCopyData, isNotification, splitMessages } from '../support/postgresql-messages.ts';

/** A TCP proxy in front of PostgreSQL that injects faults on demand. Each instance has its own. */
export interface Proxy {
  readonly port: number;
  /**
   * Delays PostgreSQL's answers but not its statements: a statement runs at once, and its result arrives late. Each
   * chunk gets its own delay; the chunks of one connection stay in order.
   * @param isFeedSpared whether the change feed has no delay, so that announcements overtake older reads
   */
  delayResponses(delayMs: () => number, isFeedSpared: boolean): void;
  /** Closes every connection and refuses new ones until `restore`. */
  cut(): void;
  /** Holds all data back in both directions without closing connections; `feed`: only for the change feed. */
  freeze(which: 'all' | 'feed'): void;
  /** Drops the notifications for the change feed until `restore`, as some poolers do. Everything else works. */
  deafen(): void;
  /**
   * Leads new connections to another port of the same host, also after `restore`.
   * @param isCutting whether it closes the open connections, which otherwise stay where they are
   */
  route(port: number, isCutting: boolean): void;
  /** Forwards the data held back, and works normally again. */
  restore(): void;
  close(): Promise<void>;
}

type Fault = 'none' | 'cut' | 'freeze-all' | 'freeze-feed' | 'deaf';

interface Settings {
  port: number;
  fault: Fault;
  delayMs: (() => number) | null;
  isFeedSpared: boolean;
}

interface Link {
  readonly end: () => void;
  readonly pump: () => void;
}

export async function startProxy(target: { readonly host: string; readonly port: number }): Promise<Proxy> {
  const settings: Settings = { port: target.port, fault: 'none', delayMs: null, isFeedSpared: false };
  const links = new Set<Link>();
  const server = createServer((client) => {
    if (settings.fault === 'cut') {
      client.destroy();
      return;
    }
    const link = join(client, connect({ host: target.host, port: settings.port }), settings, () => links.delete(link));
    links.add(link);
  });
  const port = await listen(server);
  const endAll = () => {
    for (const link of [...links]) link.end();
  };
  return {
    port,
    delayResponses: (delayMs, isFeedSpared) => {
      settings.delayMs = delayMs;
      settings.isFeedSpared = isFeedSpared;
    },
    cut: () => {
      settings.fault = 'cut';
      endAll();
    },
    freeze: (which) => {
      settings.fault = `freeze-${which}`;
    },
    deafen: () => {
      settings.fault = 'deaf';
    },
    route: (port, isCutting) => {
      settings.port = port;
      if (isCutting) endAll();
    },
    restore: () => {
      settings.fault = 'none';
      settings.delayMs = null;
      for (const link of links) link.pump();
    },
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      endAll();
      await closed;
    },
  };
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
  });
}

function join(client: Socket, database: Socket, settings: Settings, onEnd: () => void): Link {
  let isFeed = false;
  let isAnnouncement = isNotification;
  const isFrozen = () => settings.fault === 'freeze-all' || (settings.fault === 'freeze-feed' && isFeed);
  const requests = createChannel(database, isFrozen, () => 0);
  const isSpared = () => isFeed && settings.isFeedSpared;
  const responses = createChannel(client, isFrozen, () => (isSpared() ? 0 : (settings.delayMs?.() ?? 0)));
  const end = () => {
    client.destroy();
    database.destroy();
    onEnd();
  };
  const pushHeard = splitMessages((message) => {
    if (settings.fault !== 'deaf' || !isAnnouncement(message)) responses.push(message);
  });
  client.once('data', (startup) => {
    // The startup message names the application (PostgreSQL, Frontend/Backend Protocol, StartupMessage).
    const isDecoding = startup.includes('stationmaster-decoding');
    if (isDecoding) isAnnouncement = isCopyData;
    isFeed = isDecoding || startup.includes('stationmaster-feed');
    database.on('data', isFeed ? pushHeard : responses.push);
  });
  client.on('data', requests.push);
  // PostgreSQL's last data, such as its reason for closing, is forwarded before the end.
  database.on('end', () => responses.finish(end));
  client.on('end', () => requests.finish(end));
  for (const socket of [client, database]) {
    socket.setNoDelay(true);
    socket.on('error', end);
  }
  return {
    end,
    pump: () => {
      requests.pump();
      responses.pump();
    },
  };
}

/** One direction of a connection: chunks leave in order, each after its delay. */
function createChannel(to: Socket, isFrozen: () => boolean, delayMs: () => number) {
  const held: { readonly send: () => void; readonly dueAtMs: number }[] = [];
  let timer: NodeJS.Timeout | undefined;
  const pump = () => {
    clearTimeout(timer);
    while (held.length > 0 && !isFrozen()) {
      const waitMs = held[0]!.dueAtMs - performance.now();
      if (waitMs > 0) {
        timer = setTimeout(pump, waitMs);
        return;
      }
      held.shift()!.send();
    }
  };
  const hold = (send: () => void) => {
    held.push({ send, dueAtMs: performance.now() + delayMs() });
    pump();
  };
  return {
    push: (chunk: Buffer) => hold(() => void (to.destroyed || to.write(chunk))),
    finish: (end: () => void) => hold(end),
    pump,
  };
}
