/** What the process of the subscribers is told to do. */
export interface FanOutPlan {
  readonly url: string;
  readonly sockets: number;
  /** Whether all subscriptions are equal. Otherwise each has a name of its own. */
  readonly isShared: boolean;
  /** The workstations that the reports change in turn. */
  readonly ids: readonly string[];
  /** How many of them each report changes: the events that arise together. */
  readonly events: number;
  readonly seconds: number;
  /** Reports a second; `null`: each follows when all subscribers have the events of the one before. */
  readonly reportsPerSecond: number | null;
}

export interface FanOutResult {
  readonly messages: number;
  readonly seconds: number;
  /** From the request of a report until a subscriber had the last event of it. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Of the process of the subscribers. */
  readonly cpuMs: number;
}

/** What that process tells: all are subscribed and have had an event; or the end. */
export type FanOutMessage =
  | { readonly phase: 'subscribed' }
  | { readonly result: FanOutResult }
  | { readonly error: string };
