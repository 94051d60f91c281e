import cluster from 'node:cluster';
import { createApp } from './app.ts';
import { type Config, loadConfig, loadEnvFileIfPresent } from './config/config.ts';
import { MergedMetrics } from './observability/merged-metrics.ts';
import type { FiguresExchange } from './process/figures.ts';
import { exitAfterOutput, standardError, standardOutput } from './process/output.ts';
import { type Introduction, type Running, runServer } from './process/running.ts';
import { stopOnSignals } from './process/signals.ts';
import { explainFailure } from './process/start-error.ts';
import { runAsWorker } from './process/worker.ts';
import { runWorkers } from './process/workers.ts';

// Opened first, so that Node's own output, such as a warning, does not block either.
standardOutput();
standardError();

if (cluster.isWorker) runAsWorker((workers) => runHere(loadConfig(process.env), workers));
else main().catch(fail);

async function main(): Promise<void> {
  loadEnvFileIfPresent();
  const config = loadConfig(process.env);
  const running = config.workers > 1 ? runInWorkers(config) : runHere(config);
  stopOnSignals(running.stop, { say, fail });
  const introduction = await running.ready;
  if (introduction) introduce(introduction);
}

function runHere(config: Config, workers?: FiguresExchange): Running {
  return runServer((signal) => createApp(config, { signal, workers }), config);
}

function runInWorkers(config: Config): Running {
  return runWorkers({ ...config, warn: complain, figures: new MergedMetrics(config.workers) });
}

function introduce({ url, tokens, console: consoleState }: Introduction): void {
  say(`Stationmaster is ready.

  GraphQL     ${url}/graphql
  WebSocket   ${url.replace(/^http/, 'ws')}/graphql`);
  if (consoleState === 'served') say(`  Console     ${url}/ (open it in a browser)`);
  if (consoleState === 'not built') say('  Console     not built; after `npm run build` the next start serves it');
  for (const [role, token] of Object.entries(tokens ?? {})) say(`\n  ${role} token, for a day:\n  ${token}`);
  say('');
}

function say(text: string): void {
  standardOutput().write(`${text}\n`);
}

function complain(text: string): void {
  standardError().write(`${text}\n`);
}

async function fail(error: unknown): Promise<never> {
  const { message, exitCode } = explainFailure(error);
  complain(message);
  return exitAfterOutput(exitCode);
}
