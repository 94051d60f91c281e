import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';

/** The agent as a separate process. */
export interface AgentProcess {
  readonly child: ChildProcess;
  /** Resolves to its exit code, or to the signal that ended it. */
  readonly exited: Promise<number | NodeJS.Signals>;
  /** What it wrote so far, without the answers that a busy machine kept it waiting for. */
  said(): string;
  /** Kills it, unless it has ended. */
  destroy(): Promise<void>;
}

const LATE_ANSWER =
  /The server cannot be reached \(no answer in time\)\. Trying again\.\n(The server answers again\.\n)?/g;

/**
 * Starts the agent as `npm run agent` does. It reports every second.
 * @param state the file in which it keeps its key
 */
export function startAgent(state: string, args: readonly string[], env: Record<string, string> = {}): AgentProcess {
  const { PATH, HOME } = process.env;
  const child = spawn(process.execPath, ['agent/src/main.ts', '--state', state, '--interval', '1', ...args], {
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const exited = once(child, 'close').then(([code, signal]) => code ?? signal);
  return {
    child,
    exited,
    said: () => said.replaceAll(LATE_ANSWER, ''),
    async destroy() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}
