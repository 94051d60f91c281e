import { EXIT_CODE, Failure } from './failure.ts';
import type { Options } from './options.ts';
import { type LoopClock, reportUntilAborted, retry, sayTogether } from './report-loop.ts';
import type { Credentials, Machine, Reading, Server } from './server.ts';
import { simulateMachine } from './simulation.ts';
import { readState, type State, writeState } from './state.ts';

/** A machine to be reported, this one or a made-up one. */
export interface Reported {
  readonly machine: Machine;
  readonly measure: () => Promise<Reading | null>;
  /** When it reports first. */
  readonly delayMs: number;
}

export interface AgentParts {
  readonly options: Options;
  readonly server: Server;
  readonly clock: LoopClock;
  readonly say: (line: string) => void;
}

/** Enrolled machines are kept after this many more of them, so that a crowd does not write the file for each. */
const ENROLLED_AT_ONCE = 20;

/**
 * Enrolls the machines that have no key yet, and reports all of them until `signal` is aborted.
 * @throws {Failure} when it cannot go on
 */
export async function runAgent(machines: readonly Reported[], signal: AbortSignal, parts: AgentParts): Promise<void> {
  const { options, server, clock } = parts;
  const say = sayTogether(parts.say);
  const state = await enrollMissing(machines, signal, { ...parts, say });
  if (signal.aborted) return;
  say(`Reporting ${machines.length === 1 ? 'this machine' : `${machines.length} machines`} to ${options.url}.`);
  const reported = machines.map(async ({ machine, measure, delayMs }) => {
    const credentials = state[machine.machineId]!;
    const send = (reading: Reading) => server.report(credentials, reading, signal);
    await clock.sleep(delayMs, signal);
    await reportUntilAborted(signal, { measure, send, intervalMs: options.intervalMs, say, clock });
  });
  const ended = (await Promise.allSettled(reported)).find(({ status }) => status === 'rejected');
  if (ended && !signal.aborted) throw explain((ended as PromiseRejectedResult).reason, options);
}

/** One machine of many that cannot go on does not end the others; when none is left, the first one says why. */
function explain(error: unknown, { statePath }: Options): unknown {
  if (!(error instanceof Failure) || error.exitCode !== EXIT_CODE.notPermitted) return error;
  return new Failure(error.exitCode, `${error.message} To enroll again, delete ${statePath} and give a new token.`);
}

async function enrollMissing(
  machines: readonly Reported[],
  signal: AbortSignal,
  { options, server, clock, say }: AgentParts,
): Promise<State> {
  const { statePath, token } = options;
  let state = await readState(statePath);
  const missing = machines.filter(({ machine }) => !(machine.machineId in state));
  if (missing.length === 0) return state;
  if (token === undefined) {
    const message = `There is no key in ${statePath}. Give a token of createAgentEnrollment with --enroll.`;
    throw new Failure(EXIT_CODE.usage, message);
  }
  for (let start = 0; start < missing.length && !signal.aborted; start += ENROLLED_AT_ONCE) {
    const some = missing.slice(start, start + ENROLLED_AT_ONCE);
    const enrolled = await Promise.all(
      some.map(async ({ machine }): Promise<[string, Credentials | undefined]> => {
        const work = () => server.enroll(token, machine, signal);
        return [machine.machineId, await retry(work, signal, { say, clock })];
      }),
    );
    const given = enrolled.filter(([, credentials]) => credentials !== undefined);
    state = { ...state, ...(Object.fromEntries(given) as State) };
    await writeState(statePath, state);
  }
  return state;
}

/** They report evenly over the interval. */
export function simulatedMachines({ simulated, intervalMs }: Options, random: () => number): Reported[] {
  return Array.from({ length: simulated }, (_, index) => {
    const { measure, ...machine } = simulateMachine(index, random);
    return { machine, measure: async () => measure(), delayMs: (intervalMs * index) / simulated };
  });
}
