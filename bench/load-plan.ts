/** The messages between the benchmark and the load generator. */

export interface LoadPlan {
  /** The server's origin, without a path. */
  readonly url: string;
  readonly connections: number;
  /** Time before counting starts. */
  readonly leadInSeconds: number;
  readonly seconds: number;
  readonly traffic: Traffic;
}

export type Traffic =
  /** Request bodies whose responses never change, sent in turn or with a Zipf distribution. */
  | {
      readonly kind: 'reads';
      readonly requests: readonly string[];
      readonly order: 'in turn' | 'zipf';
      /** The `Accept-Encoding`. Default: no such header. */
      readonly encoding?: string;
    }
  /**
   * Workstations read by id (Zipf) and, with the probability `writeShare`, changed. `record` and `update` are
   * documents.
   */
  | {
      readonly kind: 'reads and writes';
      readonly record: string;
      readonly update: string;
      readonly ids: readonly string[];
      readonly writeShare: number;
    }
  /** Lists and records in turn, while separate connections report telemetry of the whole fleet. */
  | {
      readonly kind: 'telemetry';
      readonly list: string;
      readonly record: string;
      readonly report: string;
      readonly ids: readonly string[];
      readonly rowsPerSecond: number;
    };

/** Sends each request once, as fast as possible, without counting. */
export interface PrimingPlan {
  readonly url: string;
  readonly connections: number;
  readonly once: readonly string[];
}

/** Opens `stampede` connections, waits for `go`, then sends the request on all of them at once. */
export interface StampedePlan {
  readonly url: string;
  readonly stampede: number;
  readonly request: string;
}

export type Plan = LoadPlan | PrimingPlan | StampedePlan;

export interface LoadResult {
  /** Requests answered during the counted time. */
  readonly requests: number;
  /** All requests, including those before and after that time; the server's own figures cover all of them. */
  readonly answered: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Responses older than a write that was answered before they were requested. */
  readonly staleAnswers: number;
  /** Only a stampede counts failures; otherwise the first failure ends the run. */
  readonly failedAnswers: number;
  readonly rowsWrittenPerSecond: number;
  /** The generator's CPU time, which tells whether the generator was the bottleneck. */
  readonly cpuMs: number;
}

export type LoadMessage = { readonly phase: 'ready' } | { readonly result: LoadResult } | { readonly error: string };
