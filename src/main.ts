import { type App, createApp } from './app.ts';
import { type Config, loadConfig, loadEnvFileIfPresent } from './config.ts';
import { explainFailure } from './start-error.ts';

/** The exit code of a process that a signal ends at once is this and the number of the signal, as shells have it. */
const EXIT_BY_SIGNAL = 128;
const SIGNAL_NUMBER = { SIGINT: 2, SIGTERM: 15 } as const;
type StopSignal = keyof typeof SIGNAL_NUMBER;

/** A terminal sends Ctrl-C to npm and to its child alike, and npm passes its own on. */
const ECHO_MS = 100;

async function main(): Promise<void> {
  loadEnvFileIfPresent();
  const config = loadConfig(process.env);
  const givenUp = new AbortController();
  const starting = createApp(config, { signal: givenUp.signal });
  onStopSignal(async (signal) => {
    givenUp.abort();
    const app = await starting.catch(() => null);
    // Load balancers have nothing to do with somebody's Ctrl-C.
    await app?.close(signal === 'SIGTERM' ? config.shutdownDrainSeconds : 0);
    process.exit(0);
  });
  const app = await starting.catch((error) => {
    if (givenUp.signal.aborted) return null;
    throw error;
  });
  if (app) introduce(app, config);
}

/** The first signal stops in good order; a second one at once. */
function onStopSignal(stop: (signal: StopSignal) => Promise<void>): void {
  let stoppingSinceMs: number | undefined;
  const handle = (signal: StopSignal) => {
    if (stoppingSinceMs === undefined) {
      stoppingSinceMs = performance.now();
      say(`${signal}: answering what is in flight, then stopping. Once more to stop at once.`);
      stop(signal).catch(fail);
    } else if (performance.now() - stoppingSinceMs > ECHO_MS) {
      process.exit(EXIT_BY_SIGNAL + SIGNAL_NUMBER[signal]);
    }
  };
  process.on('SIGTERM', handle);
  process.on('SIGINT', handle);
}

function introduce({ url, tokens }: App, { environment }: Config): void {
  say(`Stationmaster is ready.

  GraphQL     ${url}/graphql
  WebSocket   ${url.replace(/^http/, 'ws')}/graphql`);
  if (environment === 'development') say(`  Sandbox     ${url}/graphql (open it in a browser)`);
  for (const [role, token] of Object.entries(tokens ?? {})) say(`\n  ${role} token, for a day:\n  ${token}`);
  say('');
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

function fail(error: unknown): never {
  const { message, exitCode } = explainFailure(error);
  process.stderr.write(`${message}\n`);
  process.exit(exitCode);
}

main().catch(fail);
