import { parseArgs } from 'node:util';
import { EXIT_CODE, Failure } from './failure.ts';
import { defaultStatePath } from './state.ts';

export interface Options {
  readonly url: string;
  /** Needed until the state file has a key. */
  readonly token: string | undefined;
  readonly statePath: string;
  /** How many machines to simulate; 0: this machine is reported. */
  readonly simulated: number;
  readonly intervalMs: number;
}

export const USAGE = `Usage: stationmaster-agent --url URL [--enroll TOKEN] [--state FILE] [--interval SECONDS] [--simulate COUNT]

  --url URL           the address of the server, or STATIONMASTER_URL
  --enroll TOKEN      a token of createAgentEnrollment, needed once; or STATIONMASTER_ENROLL, which other users cannot see
  --state FILE        where the key is kept; by default in the user's configuration folder
  --interval SECONDS  how often to report, 1 to 3600; 10 by default
  --simulate COUNT    report that many made-up machines instead of this one, 1 to 10000
`;

/** @throws {Failure} with one line that says what to correct */
export function readOptions(args: readonly string[], env: NodeJS.ProcessEnv): Options {
  const given = parse(args);
  const url = given.url ?? env.STATIONMASTER_URL;
  if (!url) throw badUsage('--url is missing: the address of the server, such as https://fleet.example.com.');
  const simulated = given.simulate === undefined ? 0 : wholeNumber('--simulate', given.simulate, 10_000);
  return {
    url,
    token: given.enroll || env.STATIONMASTER_ENROLL || undefined,
    statePath: given.state ?? defaultStatePath(env),
    simulated,
    intervalMs: wholeNumber('--interval', given.interval ?? '10', 3600) * 1000,
  };
}

function parse(args: readonly string[]) {
  const text = { type: 'string' } as const;
  try {
    const options = { url: text, enroll: text, state: text, interval: text, simulate: text };
    return parseArgs({ args: [...args], options, strict: true }).values;
  } catch (error) {
    throw badUsage((error as Error).message);
  }
}

function wholeNumber(option: string, text: string, max: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= max) return number;
  throw badUsage(`${option} must be a whole number from 1 to ${max}.`);
}

function badUsage(message: string): Failure {
  return new Failure(EXIT_CODE.usage, message);
}
