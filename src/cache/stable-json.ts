/**
 * Writes JSON with sorted object keys and without `undefined` properties, so that equal arguments make equal keys.
 * @throws {TypeError} when the value is not JSON-safe
 */
export function stableJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(stableJsonItem).join(',')}]`;
  if (isPlainObject(value)) {
    const parts = Object.keys(value)
      .filter((name) => value[name] !== undefined)
      .sort()
      .map((name) => `${JSON.stringify(name)}:${stableJson(value[name])}`);
    return `{${parts.join(',')}}`;
  }
  if (value === undefined) return '';
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isFinite(value)) {
    return JSON.stringify(value);
  }
  throw new TypeError(`A cache key is made of JSON-safe values; got ${String(value)}.`);
}

/** An item must not be left out as a property is: `[undefined]` would equal `[]`. */
function stableJsonItem(item: unknown): string {
  if (item === undefined) throw new TypeError('A cache key is made of JSON-safe values; got undefined in an array.');
  return stableJson(item);
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && isPlainPrototype(Object.getPrototypeOf(value));
}

/** Argument and input classes count as plain data; a prototype with methods does not. */
function isPlainPrototype(prototype: object | null): boolean {
  if (prototype === null || prototype === Object.prototype) return true;
  const hasMethods = Object.getOwnPropertyNames(prototype).some((name) => name !== 'constructor');
  return !hasMethods && isPlainPrototype(Object.getPrototypeOf(prototype));
}
