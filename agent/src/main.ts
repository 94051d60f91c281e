#!/usr/bin/env node
import { setTimeout as sleep } from 'node:timers/promises';
import { type Reported, runAgent, simulatedMachines } from './agent.ts';
import { EXIT_CODE, Failure } from './failure.ts';
import { type Options, readOptions, USAGE } from './options.ts';
import type { LoopClock } from './report-loop.ts';
import { connectTo } from './server.ts';

const clock: LoopClock = {
  sleep: (ms, signal) => sleep(ms, undefined, { signal }).catch(() => {}),
  random: Math.random,
};

const say = (line: string) => void process.stderr.write(`${line}\n`);

async function main(args: readonly string[]): Promise<number> {
  if (args.includes('--help')) {
    process.stdout.write(USAGE);
    return EXIT_CODE.done;
  }
  const stopped = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopped.abort());
  try {
    const options = readOptions(args, process.env);
    const server = connectTo(options.url);
    await runAgent(await findMachines(options), stopped.signal, { options, server, clock, say });
    return EXIT_CODE.done;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    say(error.message);
    return error.exitCode;
  }
}

async function findMachines(options: Options): Promise<readonly Reported[]> {
  if (options.simulated > 0) return simulatedMachines(options, clock.random);
  // Loaded only here, because simulated machines do without.
  const { describeMachine, measureMachine } = await import('./machine.ts');
  return [{ machine: await describeMachine(), measure: measureMachine, delayMs: 0 }];
}

process.exitCode = await main(process.argv.slice(2));
