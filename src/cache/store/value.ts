const STRING_OVERHEAD_BYTES = 24;
const OBJECT_OVERHEAD_BYTES = 40;
const SLOT_BYTES = 8;

/**
 * Returns what `freezeAndMeasure` returns for a flat object of strings, numbers and `null`, without a walk through it.
 * @param parts the number of properties
 * @param strings how many of them are strings
 * @param characters the total length of the strings
 */
export function flatObjectBytes(parts: number, strings: number, characters: number): number {
  return OBJECT_OVERHEAD_BYTES + SLOT_BYTES * (2 * parts - strings) + STRING_OVERHEAD_BYTES * strings + characters;
}

/**
 * Freezes a JSON-safe value deeply and returns an estimate of its size in memory, in bytes.
 *
 * JSON-safe values are `null`, booleans, finite numbers, strings, arrays and plain objects. An instance of a class, such as
 * a managed entity or a Date, has state that the cache can neither freeze nor compare.
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
    // Most parts of most values are strings, for which the call would cost more than the rest of the loop.
    bytes += SLOT_BYTES + (typeof part === 'string' ? STRING_OVERHEAD_BYTES + part.length : freezeAndMeasure(part));
  }
  return bytes;
}
