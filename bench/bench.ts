import type { Fleet } from './database.ts';
import type { LoadGenerator } from './load-generator.ts';
import type { Contender } from './servers.ts';
import type { Verdict } from './verdict.ts';

/** The settings and resources a workload receives. */
export interface Bench {
  readonly fleet: Fleet;
  readonly load: LoadGenerator;
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  /** The peers chosen on the command line. */
  readonly peers: readonly Contender[];
  /** Those that have subscriptions. */
  readonly subscriptionPeers: readonly Contender[];
  /** Another build of this project to compare with; `null` without one. */
  readonly baseline: Baseline | null;
  progress(line: string): void;
}

/** A checkout that has been built, and a database that its build has migrated and filled with the same rows. */
export interface Baseline {
  readonly folder: string;
  readonly fleet: Fleet;
}

export interface Workload {
  readonly name: string;
  readonly run: (bench: Bench) => Promise<Report>;
}

/** The result of a workload. */
export interface Report {
  readonly name: string;
  readonly title: string;
  /** How it was measured: the requests, and what "hot" or "cold" means. */
  readonly method: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly (string | number | null)[])[];
  /** The rates of all servers, ours first. */
  readonly chart?: { readonly bars: readonly { label: string; value: number; isPeer: boolean }[] };
  readonly verdicts: readonly Verdict[];
}
