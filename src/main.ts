import { type App, createApp } from './app.ts';
import { type Config, ConfigError, loadConfig, loadEnvFileIfPresent } from './config.ts';

/** `EX_CONFIG` of sysexits.h. */
const EXIT_BAD_CONFIGURATION = 78;

async function main(): Promise<void> {
  loadEnvFileIfPresent();
  const config = loadConfig(process.env);
  const starting = createApp(config);
  stopOnSignals(starting);
  introduce(await starting, config);
}

/** The first signal stops in good order; a second one at once. */
function stopOnSignals(starting: Promise<App>): void {
  let isStopping = false;
  const stop = async (signal: NodeJS.Signals) => {
    if (isStopping) process.exit(1);
    isStopping = true;
    say(`${signal}: answering what is in flight, then stopping. Once more to stop at once.`);
    const app = await starting;
    await app.close();
    process.exit(0);
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
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

/** What went wrong, in one line where the reason is known; else with all there is to know. */
function explain(error: unknown): string {
  if (error instanceof ConfigError) return error.message;
  const { name, code, message, stack } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return 'The port is in use by another program. Stop it, or choose another with PORT.';
  if (code === 'ECONNREFUSED') return 'The database refuses connections. Is it running, and is DATABASE_URL right?';
  return name === 'DataFolderInUseError' ? message : `Stationmaster could not start: ${stack ?? error}`;
}

main().catch((error) => {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(error instanceof ConfigError ? EXIT_BAD_CONFIGURATION : 1);
});
