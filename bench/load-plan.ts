/** What the load generator is told, and what it tells. */

export interface LoadPlan {
  /** Of the server, without a path. */
  readonly url: string;
  readonly connections: number;
  /** Before anything is counted. */
  readonly leadInSeconds: number;
  readonly seconds: number;
  readonly traffic: Traffic;
}

export type Traffic =
  /** Bodies whose answers never change: each in its turn, or the first ones far more often than the last. */
  | { readonly kind: 'reads'; readonly requests: readonly string[]; readonly order: 'in turn' | 'zipf' }
  /** Workstations read by id (Zipf) and, now and then, changed: `record` and `update` are documents. */
  | {
      readonly kind: 'reads and writes';
      readonly record: string;
      readonly update: string;
      readonly ids: readonly string[];
      readonly writeShare: number;
    }
  /** Lists and records in turn, while telemetry of the whole fleet comes in on a connection of its own. */
  | {
      readonly kind: 'telemetry';
      readonly list: string;
      readonly record: string;
      readonly report: string;
      readonly ids: readonly string[];
      readonly rowsPerSecond: number;
    };

/** Asks for each request once and as fast as it can; nothing is counted. */
export interface PrimingPlan {
  readonly url: string;
  readonly connections: number;
  readonly once: readonly string[];
}

/** Opens so many connections, then waits for `go`, then sends the request on all of them at once. */
export interface StampedePlan {
  readonly url: string;
  readonly stampede: number;
  readonly request: string;
}

export type Plan = LoadPlan | PrimingPlan | StampedePlan;

export interface LoadResult {
  /** Answered in the time that counts. */
  readonly requests: number;
  /** All there were, before and after that time too: what the server's own figures are about. */
  readonly answered: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Answers that were older than a write which had been answered before they were asked for. */
  readonly staleAnswers: number;
  /** Of a stampede; otherwise the first one ends everything. */
  readonly failedAnswers: number;
  readonly rowsWrittenPerSecond: number;
  /** The generator's own, to see whether it was what limited. */
  readonly cpuMs: number;
}

export type LoadMessage = { readonly phase: 'ready' } | { readonly result: LoadResult } | { readonly error: string };
