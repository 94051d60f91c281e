const STRING_OVERHEAD_BYTES = 24;
const OBJECT_OVERHEAD_BYTES = 40;
const SLOT_BYTES = 8;

/** What `freezeAndMeasure` says of an object whose parts are strings, of so many characters in all, and numbers or `null`. */
export function flatObjectBytes(parts: number, strings: number, characters: number): number {
  return OBJECT_OVERHEAD_BYTES + SLOT_BYTES * (2 * parts - strings) + STRING_OVERHEAD_BYTES * strings + characters;
}

/**
 * Freezes a JSON-safe value all the way down and returns its approximate size in memory, in bytes.
 *
 * Only what JSON can say is accepted: `null`, booleans, finite numbers, strings, arrays and plain objects. A class
 * instance (a managed entity, a Date) drags state along that the cache could neither freeze nor compare.
 *
 * @throws {TypeError} when the value holds anything else
 */
export function freezeAndMeasure(value: unknown): number {
  switch (typeof value) {
    case 'string':
      return STRING_OVERHEAD_BYTES + value.length;
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`A cached value must be JSON-safe; it holds ${value}.`);
      return SLOT_BYTES;
    case 'boolean':
      return SLOT_BYTES;
    case 'object':
      return value === null ? SLOT_BYTES : freezeObject(value);
    default:
      throw new TypeError(`A cached value must be JSON-safe; it holds a value of type ${typeof value}.`);
  }
}

function freezeObject(object: object): number {
  const prototype = Object.getPrototypeOf(object);
  if (!Array.isArray(object) && prototype !== Object.prototype && prototype !== null) {
    throw new TypeError(`A cached value must be plain; it holds an instance of ${prototype.constructor?.name}.`);
  }
  Object.freeze(object);
  let bytes = OBJECT_OVERHEAD_BYTES;
  for (const part of Object.values(object)) {
    // Said here too, because most parts of most values are strings: the call would cost more than all the rest.
    bytes += SLOT_BYTES + (typeof part === 'string' ? STRING_OVERHEAD_BYTES + part.length : freezeAndMeasure(part));
  }
  return bytes;
}
