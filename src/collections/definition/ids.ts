const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** The id as it is stored and keyed, or `null` when no row can have it. */
export function normalizeId(id: string): string | null {
  return UUID.test(id) ? id.toLowerCase() : null;
}
