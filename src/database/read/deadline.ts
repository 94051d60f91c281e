import { StationmasterError } from '../../errors.ts';

const SLICE_MS = 100;

/**
 * A node in the ring (doubly linked list) of pending waits. A `Set` would be simpler, but when V8 grows one, the old tables
 * keep the removed elements and all that they reference alive until the next full garbage collection.
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
 * Settles as `work` does, unless that takes longer than `timeoutMs`.
 *
 * Only time in which this process could have received the answer counts. It is measured in slices: a process that was busy
 * or suspended loses one slice, not the whole wait. All waits share one timer.
 *
 * @param onOver called when the time is over, before the rejection; `true` grants the same time again
 * @throws {StationmasterError} UNAVAILABLE when the time is over, detected up to 0.1 s late
 */
export function withDeadline<Result>(
  work: Promise<Result>,
  timeoutMs: number,
  onOver: () => boolean = () => false,
): Promise<Result> {
  return new Promise((resolve, reject) => {
    // One more, because the current slice has already begun.
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
    // Give up one turn later: if this process was busy, the answer may have arrived and be waiting to be read.
    if (wait.slicesLeft <= 0) giveUpNextTurn(wait);
  }
  isTicking = ring.after !== ring;
  if (isTicking) setTimeout(tick, SLICE_MS);
}

function giveUpNextTurn(wait: Wait): void {
  setImmediate(() => wait.giveUp?.());
}
