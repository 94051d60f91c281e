import type { RenderedEvent } from './kept-events.ts';

/*
 * The frames of RFC 6455 in which a server sends texts. A frame is a string with one character for each byte: Node writes
 * such a string for less than a buffer and a text, and strings can share what they have in common.
 */

const FINAL_TEXT = '\x81';
const LENGTH_OF_16_BITS = '\x7e';
const LENGTH_OF_64_BITS = '\x7f';

const LONGEST_OF_7_BITS = 125;
const LONGEST_OF_16_BITS = 0xffff;

/** The bytes of a text in UTF-8. */
export function bytesOf(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');
}

export function frameOf(text: string): string {
  const bytes = bytesOf(text);
  return headerOf(bytes.length) + bytes;
}

function headerOf(length: number): string {
  if (length <= LONGEST_OF_7_BITS) return FINAL_TEXT + bigEndian(length, 1);
  if (length <= LONGEST_OF_16_BITS) return FINAL_TEXT + LENGTH_OF_16_BITS + bigEndian(length, 2);
  return FINAL_TEXT + LENGTH_OF_64_BITS + bigEndian(length, 8);
}

function bigEndian(number: number, bytes: number): string {
  const digits: number[] = [];
  for (let rest = number; digits.length < bytes; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return String.fromCharCode(...digits);
}

/** The frames of events for many subscribers, which differ in the beginning only. The rest is encoded once. */
export class EventFrames {
  readonly #encoded = new WeakMap<RenderedEvent, EncodedEvent>();
  #payload = '';
  #last = new EncodedEvent('');

  /** @param head the bytes of the message before the payload */
  of(event: RenderedEvent, head: string): string {
    if (event.payload !== this.#payload) {
      this.#payload = event.payload;
      this.#last = this.#encode(event);
    }
    return this.#last.frame(head);
  }

  #encode(event: RenderedEvent): EncodedEvent {
    let encoded = this.#encoded.get(event);
    if (!encoded) {
      encoded = new EncodedEvent(event.payload);
      this.#encoded.set(event, encoded);
    }
    return encoded;
  }
}

class EncodedEvent {
  readonly #ending: string;
  #length = -1;
  #header = '';

  constructor(payload: string) {
    this.#ending = `${bytesOf(payload)}}`;
  }

  frame(head: string): string {
    const length = head.length + this.#ending.length;
    if (length !== this.#length) {
      this.#length = length;
      this.#header = headerOf(length);
    }
    return this.#header + head + this.#ending;
  }
}
