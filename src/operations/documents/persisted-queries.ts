import { hash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import type { DocumentSource } from './trusted-documents.ts';

/** Of all persisted texts together; twice as many bytes. */
const MAX_CHARACTERS = 15 * 1024 * 1024;

const UNCHANGING = { version: 0, start: () => () => {} } as const;

/**
 * Automatic persisted queries: a text that was sent with its SHA-256 hash can be asked for by the hash alone from then on.
 *
 * What the protocol refuses (an unknown hash, a hash of another text) is left to Apollo Server, which words it as its
 * clients expect. It never finds a text here that `find` did not.
 */
export function createPersistedQueries(): DocumentSource {
  const texts = new LRUCache<string, string>({ maxSize: MAX_CHARACTERS, sizeCalculation: (text) => text.length });
  return {
    ...UNCHANGING,
    find({ query, extensions }) {
      const persisted = persistedQueryOf(extensions);
      if (persisted === undefined) return textOf(query);
      const { version, sha256Hash } = persisted;
      if (version !== 1 || typeof sha256Hash !== 'string') return null;
      const text = textOf(query);
      if (text === null) return texts.get(sha256Hash) ?? null;
      if (hash('sha256', text) !== sha256Hash) return null;
      texts.set(sha256Hash, text);
      return text;
    },
  };
}

/** Takes texts only. */
export const TEXTS_ONLY: DocumentSource = {
  ...UNCHANGING,
  find: ({ query, extensions }) => (persistedQueryOf(extensions) === undefined ? textOf(query) : null),
};

function textOf(query: unknown): string | null {
  return typeof query === 'string' && query !== '' ? query : null;
}

function persistedQueryOf(extensions: unknown): { version?: unknown; sha256Hash?: unknown } | undefined {
  const { persistedQuery } = Object(extensions) as { persistedQuery?: object };
  return persistedQuery ? Object(persistedQuery) : undefined;
}
