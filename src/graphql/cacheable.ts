/**
 * The `extensions` of a root field whose response may be stored. Everything that it and the fields below it return must be
 * read through the cache with the context's `reads`, or depend on the arguments alone.
 */
export const CACHEABLE = { cacheable: true } as const;
