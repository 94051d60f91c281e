import type { Config } from '../config/config.ts';
import type { Stop } from './signals.ts';

/** What is printed once everything runs. */
export interface Introduction {
  /** Where the server is reached, without a path: `http://127.0.0.1:4000`. */
  readonly url: string;
  /** A token for each role in development, otherwise `null`. */
  readonly tokens: Readonly<Record<string, string>> | null;
  /** Whether the console is at `url`. */
  readonly console: 'served' | 'off' | 'not built';
}

/** Something that was started and runs until it is told to stop: one server, or several that share a port. */
export interface Running {
  /** Resolves to `null` if it was told to stop before it was ready. Rejects if it cannot start. */
  readonly ready: Promise<Introduction | null>;
  /** Answers the requests in flight, then ends. Resolves when nothing runs any more. */
  readonly stop: Stop;
}

/** A server that is ready. */
interface Server extends Introduction {
  close(drainSeconds?: number): Promise<void>;
}

/** Starts a server in this process. `start` rejects when its signal is aborted. */
export function runServer(
  start: (signal: AbortSignal) => Promise<Server>,
  { shutdownDrainSeconds }: Pick<Config, 'shutdownDrainSeconds'>,
): Running {
  const aborted = new AbortController();
  const starting = start(aborted.signal);
  return {
    ready: starting.then(
      ({ url, tokens, console }) => ({ url, tokens, console }),
      (error) => (aborted.signal.aborted ? null : Promise.reject(error)),
    ),
    async stop(signal) {
      aborted.abort();
      const server = await starting.catch(() => null);
      // SIGINT comes from a terminal: no load balancer has to be given time to look elsewhere.
      await server?.close(signal === 'SIGTERM' ? shutdownDrainSeconds : 0);
    },
  };
}
