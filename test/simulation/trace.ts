import type { Instance } from './instance.ts';
import { nameOf } from './judge.ts';
import type { Commit } from './simulated-database.ts';
import type { VirtualTime } from './virtual-time.ts';

const KEPT_EVENTS = 5000;
const SHOWN_EVENTS = 40;
const ROW_NAME = /\b(?:desk|studio|keeper) \d+/;

/** The last events of a simulation, and a digest of all of them: equal runs have equal digests. */
export class Trace {
  readonly #time: VirtualTime;
  #events: string[] = [];
  #digest = 0x811c9dc5;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  get digest(): string {
    return (this.#digest >>> 0).toString(16).padStart(8, '0');
  }

  add(instance: Pick<Instance, 'index'> | null, text: string): void {
    const where = instance ? `instance ${instance.index}` : 'database';
    const event = `${(this.#time.elapsedMs / 1000).toFixed(4).padStart(10)} s  ${where}: ${text}`;
    this.#events.push(event);
    if (this.#events.length > 2 * KEPT_EVENTS) this.#events = this.#events.slice(KEPT_EVENTS);
    this.mix(event.length);
    for (let index = 0; index < event.length; index += 3) this.mix(event.charCodeAt(index));
  }

  addCommit({ number, changes }: Commit): void {
    if (changes.length === 0) return;
    const rows = changes.map(({ table, id, old, new: now }) => {
      const what = now ? (old ? `version ${now.version}` : 'created') : 'deleted';
      return `${nameOf(table, id as string)} ${what}`;
    });
    this.add(null, `commit ${number}: ${rows.join(', ')}`);
  }

  /** Adds a number to the digest, for what is too frequent to be remembered. */
  mix(value: number): void {
    this.#digest = Math.imul(this.#digest ^ value, 0x01000193);
  }

  /** The last events that name the row, or none. */
  lastOf(name: string): readonly string[] {
    const isAboutIt = (event: string) =>
      !ROW_NAME.test(event) || event.includes(`${name} `) || event.includes(`${name},`);
    return this.#events.filter((event) => name === '' || isAboutIt(event)).slice(-SHOWN_EVENTS);
  }
}
