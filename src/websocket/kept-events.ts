/** An event as clients see it. */
export interface RenderedEvent {
  readonly payload: string;
  /** A newer event with the same key may replace it. */
  readonly key: string;
  /** Whether a newer one makes it worthless, so that it should be replaced while it waits. */
  readonly isState?: boolean;
  /** From where a client that has it goes on after being cut off; `undefined`: its stream cannot be resumed. */
  readonly position: string | undefined;
}

/** The JSON of an event. */
export interface Rendered {
  readonly payload: string;
  /** Whether rendering it again would give the same. */
  isCurrent(): boolean;
}

/** What describes events. A source that can be resumed has all of it. */
export interface EventTraits {
  /** The events of a piece of a replay. */
  eventsIn?(piece: unknown): readonly unknown[];
  keyOf?(event: unknown): string;
  positionOf?(event: unknown): string;
}

/** Writes an event as clients see it. */
export type Render = (event: unknown) => Promise<Rendered>;

/** How much JSON is kept, in characters. */
const MAX_KEPT = 4 * 1024 * 1024;
/** What keeping an event or a piece takes beside its JSON, in characters. */
const OVERHEAD = 200;

/**
 * The events of one broadcast that were rendered lately. Those who were cut off together missed the same ones: each is read and
 * rendered once for all of them, within a bound.
 */
export class KeptEvents {
  readonly #source: EventTraits;
  readonly #render: Render;
  /** The events of the pieces of replays. */
  readonly #pieces = new Map<unknown, readonly KeptEvent[]>();
  readonly #events = new Map<string, KeptEvent>();
  #size = 0;

  constructor(source: EventTraits, render: Render) {
    this.#source = source;
    this.#render = render;
  }

  /** The events in a piece of a replay. */
  in(piece: unknown): readonly KeptEvent[] {
    let events = this.#pieces.get(piece);
    if (!events) {
      events = this.#source.eventsIn!(piece).map((event) => this.of(event));
      this.#pieces.set(piece, events);
      this.#grow(0);
    }
    return events;
  }

  /** @param event of a source whose events have positions */
  of(event: unknown): KeptEvent {
    const key = this.#source.keyOf!(event);
    const position = this.#source.positionOf!(event);
    const name = `${key} ${position}`;
    let kept = this.#events.get(name);
    if (!kept) {
      kept = new KeptEvent(key, position, async () => {
        const rendered = await this.#render(event);
        this.#grow(rendered.payload.length);
        return rendered;
      });
      this.#events.set(name, kept);
    }
    return kept;
  }

  forget(): void {
    this.#pieces.clear();
    this.#events.clear();
    this.#size = 0;
  }

  #grow(characters: number): void {
    this.#size += characters + OVERHEAD;
    if (this.#size > MAX_KEPT) this.forget();
  }
}

/** An event that is rendered once, and again only when that would give something else. */
class KeptEvent {
  readonly #key: string;
  readonly #position: string;
  readonly #render: () => Promise<Rendered>;
  #rendering: Promise<Rendered> | undefined;
  #kept: { readonly rendered: Rendered; readonly event: RenderedEvent } | null = null;

  constructor(key: string, position: string, render: () => Promise<Rendered>) {
    this.#key = key;
    this.#position = position;
    this.#render = render;
  }

  /** The event, where it need not be rendered. */
  get current(): RenderedEvent | null {
    return this.#kept?.rendered.isCurrent() ? this.#kept.event : null;
  }

  async render(): Promise<RenderedEvent> {
    await this.#rendering;
    if (this.current) return this.current;
    this.#rendering = this.#render();
    const rendered = await this.#rendering;
    const event = { payload: rendered.payload, key: this.#key, position: this.#position };
    this.#kept = { rendered, event };
    return event;
  }
}
