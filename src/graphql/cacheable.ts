/**
 * The `extensions` of a root field whose response may be stored: all that the field and the fields below it show was
 * read through the cache with the context's `reads`, or follows from the arguments alone.
 */
export const CACHEABLE = { cacheable: true } as const;
