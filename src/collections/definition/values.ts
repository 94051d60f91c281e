/** Whether two values that records hold are the same; arrays are, if their elements are. */
export function isSameValue(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!Array.isArray(one) || !Array.isArray(other)) return false;
  return one.length === other.length && one.every((element, index) => element === other[index]);
}
