import cluster from 'node:cluster';
import { createApp } from './app.ts';
import { type Config, loadConfig, loadEnvFileIfPresent } from './config/config.ts';
import { standardError, standardOutput } from './process/output.ts';
import { type Introduction, type Running, STOP_SIGNALS, type StopSignal } from './process/running.ts';
import { explainFailure } from './process/start-error.ts';
import { runWorkers, type WorkerReport } from './process/workers.ts';

/** What shells add to the number of the signal that ended a process. */
const EXIT_BY_SIGNAL = 128;

/** A terminal sends Ctrl-C to npm and to its child alike, and npm passes its own on. */
const ECHO_MS = 100;

async function main(): Promise<void> {
  loadEnvFileIfPresent();
  const config = loadConfig(process.env);
  const running = config.workers > 1 ? runWorkers({ ...config, warn: complain }) : runServer(config);
  onStopSignal(running);
  const introduction = await running.ready;
  if (introduction) introduce(introduction, config);
}

/** One of several processes that share a port: the primary speaks to the world for all of them. */
async function work(): Promise<void> {
  const running = runServer(loadConfig(process.env));
  let isStopping = false;
  const handle = (signal: StopSignal) => {
    // A terminal's comes once from there and once from the primary.
    if (!isStopping) running.stop(signal).then(() => exit(0), failAsWorker);
    isStopping = true;
  };
  for (const signal of stopSignals()) process.on(signal, handle);
  const introduction = await running.ready;
  if (introduction) report({ kind: 'ready', introduction });
}

function runServer(config: Config): Running {
  const givenUp = new AbortController();
  const starting = createApp(config, { signal: givenUp.signal });
  return {
    ready: starting.then(
      ({ url, tokens }) => ({ url, tokens }),
      (error) => (givenUp.signal.aborted ? null : Promise.reject(error)),
    ),
    async stop(signal) {
      givenUp.abort();
      const app = await starting.catch(() => null);
      // Load balancers have nothing to do with somebody's Ctrl-C.
      await app?.close(signal === 'SIGTERM' ? config.shutdownDrainSeconds : 0);
    },
  };
}

/** The first signal stops in good order; a second one at once. */
function onStopSignal(running: Running): void {
  let stoppingSinceMs: number | undefined;
  const handle = (signal: StopSignal) => {
    if (stoppingSinceMs === undefined) {
      stoppingSinceMs = performance.now();
      say(`${signal}: answering what is in flight, then stopping. Once more to stop at once.`);
      running.stop(signal).then(() => exit(0), fail);
    } else if (performance.now() - stoppingSinceMs > ECHO_MS) {
      process.exit(EXIT_BY_SIGNAL + STOP_SIGNALS[signal]);
    }
  };
  for (const signal of stopSignals()) process.on(signal, handle);
}

function stopSignals(): StopSignal[] {
  return Object.keys(STOP_SIGNALS) as StopSignal[];
}

function introduce({ url, tokens }: Introduction, { environment }: Config): void {
  say(`Stationmaster is ready.

  GraphQL     ${url}/graphql
  WebSocket   ${url.replace(/^http/, 'ws')}/graphql`);
  if (environment === 'development') say(`  Sandbox     ${url}/graphql (open it in a browser)`);
  for (const [role, token] of Object.entries(tokens ?? {})) say(`\n  ${role} token, for a day:\n  ${token}`);
  say('');
}

function say(text: string): void {
  standardOutput().write(`${text}\n`);
}

function complain(text: string): void {
  standardError().write(`${text}\n`);
}

/** Ends the process once its last words are written, or nobody reads them. */
async function exit(code: number): Promise<never> {
  await Promise.all([standardOutput().flush(), standardError().flush()]);
  process.exit(code);
}

async function fail(error: unknown): Promise<never> {
  const { message, exitCode } = explainFailure(error);
  complain(message);
  return exit(exitCode);
}

function failAsWorker(error: unknown): void {
  const { message, exitCode } = explainFailure(error);
  report({ kind: 'failed', message, exitCode }, () => void exit(exitCode));
}

function report(what: WorkerReport, onSent?: () => void): void {
  process.send!(what, undefined, undefined, onSent);
}

// Opened first, so that what Node itself says, such as a warning, finds them as they are to be: not blocking.
standardOutput();
standardError();

if (cluster.isWorker) work().catch(failAsWorker);
else main().catch(fail);
