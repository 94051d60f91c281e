/** How the agent ends, by the codes of sysexits.h. */
export const EXIT_CODE = { done: 0, usage: 64, cannotCreate: 73, notPermitted: 77, badConfiguration: 78 } as const;

/** Ends the agent with one line and an exit code: trying again would not help. */
export class Failure extends Error {
  override readonly name = 'Failure';
  readonly exitCode: number;

  constructor(exitCode: number, message: string) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** The server cannot do what it is asked just now. */
export class Unavailable extends Error {
  override readonly name = 'Unavailable';
  /** How long to wait at least. */
  readonly waitMs: number;

  constructor(message: string, waitMs = 0) {
    super(message);
    this.waitMs = waitMs;
  }
}
