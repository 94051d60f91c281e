/** Writes an array as PostgreSQL reads it (array_in). Each element is quoted: unquoted, the text `null` would be a null. */
export function writeArray(elements: readonly unknown[]): string {
  const written = elements.map((element) =>
    element === null ? 'null' : `"${String(element).replace(/["\\]/g, '\\$&')}"`,
  );
  return `{${written.join()}}`;
}
