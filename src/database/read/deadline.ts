import { StationmasterError } from '../../errors.ts';

const SLICE_MS = 100;

/**
 * One who waits, in a ring of all who do. In a set of V8 each would be kept, with all it can reach, by tables that the set
 * has grown out of, until the next full collection of garbage.
 */
class Wait {
  slicesLeft: number;
  giveUp: (() => void) | null;
  before: Wait = this;
  after: Wait = this;

  constructor(slicesLeft: number, giveUp: (() => void) | null) {
    this.slicesLeft = slicesLeft;
    this.giveUp = giveUp;
  }

  join(ring: Wait): void {
    this.before = ring.before;
    this.after = ring;
    ring.before.after = this;
    ring.before = this;
  }

  leave(): void {
    this.before.after = this.after;
    this.after.before = this.before;
    this.before = this;
    this.after = this;
    this.giveUp = null;
  }
}

const ring = new Wait(0, null);
let isTicking = false;

/**
 * Resolves or rejects as `work` does, unless that takes longer than `timeoutMs`.
 *
 * Only time in which this process could have heard the answer counts: it is measured in slices, so that a process that
 * was busy or suspended loses one of them and not the answer. All who wait share one timer.
 *
 * @param onOver called when the time is over, before the rejection; `true` grants as much time again
 * @throws {StationmasterError} UNAVAILABLE when the time is over, which is found out up to 0.1 s later
 */
export function withDeadline<Result>(
  work: Promise<Result>,
  timeoutMs: number,
  onOver: () => boolean = () => false,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    // The first slice has begun already.
    const slices = Math.ceil(timeoutMs / SLICE_MS) + 1;
    const wait = new Wait(slices, () => {
      if (onOver()) {
        wait.slicesLeft = slices;
        return;
      }
      wait.leave();
      reject(new StationmasterError('UNAVAILABLE', 'The database did not answer in time; try again.'));
    });
    wait.join(ring);
    if (!isTicking) setTimeout(tick, SLICE_MS);
    isTicking = true;
    work.then(
      (result) => {
        wait.leave();
        resolve(result);
      },
      (error) => {
        wait.leave();
        reject(error);
      },
    );
  });
}

function tick(): void {
  for (let wait = ring.after; wait !== ring; wait = wait.after) {
    wait.slicesLeft -= 1;
    // A turn later: the answer may have come while this process was busy, and wait to be read.
    if (wait.slicesLeft <= 0) giveUpNextTurn(wait);
  }
  isTicking = ring.after !== ring;
  if (isTicking) setTimeout(tick, SLICE_MS);
}

function giveUpNextTurn(wait: Wait): void {
  setImmediate(() => wait.giveUp?.());
}
