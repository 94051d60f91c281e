import { readFileSync } from 'node:fs';
import { ConfigError } from '../config/config.ts';
import { StationmasterError } from '../errors.ts';

/** What a client sent, as far as it says which document is meant. */
export interface AskedDocument {
  readonly query?: unknown;
  readonly extensions?: unknown;
}

/** Finds the text of the document that a client asks for. */
export interface DocumentSource {
  /**
   * The text; `null` when the request has none, or Apollo Server has to say why there is none.
   * @throws {StationmasterError} `PERSISTED_QUERY_NOT_IN_LIST` for a document that may not be executed
   */
  find(asked: AskedDocument): string | null;
}

/**
 * The documents that front-ends were built with; no other one is executed. Reads a manifest as
 * `@apollo/generate-persisted-query-manifest` writes it. Clients name a document by its id in
 * `extensions.persistedQuery.sha256Hash`, or send exactly the text on the list.
 *
 * @throws {ConfigError} when the file cannot be read, or is no such manifest
 */
export function readTrustedDocuments(path: string): DocumentSource {
  const textById = new Map(readManifest(path).map(({ id, body }) => [id, body]));
  const texts = new Set(textById.values());
  return {
    find({ query: sent, extensions }) {
      const id = persistedIdOf(extensions);
      const query = id === undefined ? sent : textById.get(id);
      const isListed = typeof query === 'string' && texts.has(query);
      // A request that names one document and spells another is ambiguous.
      const isClear = id === undefined || !sent || sent === query;
      if (isListed && isClear) return query;
      throw new StationmasterError(
        'PERSISTED_QUERY_NOT_IN_LIST',
        'This server executes the operations on its list only, and this one is not on it.',
      );
    },
  };
}

/** Some WebSocket clients send the id itself where others send an object with it. */
function persistedIdOf(extensions: unknown): string | undefined {
  const persisted = (extensions as { persistedQuery?: unknown } | null | undefined)?.persistedQuery;
  if (typeof persisted === 'string') return persisted;
  const hash = (persisted as { sha256Hash?: unknown } | null | undefined)?.sha256Hash;
  return typeof hash === 'string' ? hash : undefined;
}

interface ListedOperation {
  readonly id: string;
  readonly body: string;
}

function readManifest(path: string): readonly ListedOperation[] {
  const { format, operations, version } = readJson(path);
  if (format !== 'apollo-persisted-query-manifest' || version !== 1 || !Array.isArray(operations)) {
    throw badFile(path, 'is not a manifest of the format apollo-persisted-query-manifest, version 1');
  }
  for (const operation of operations) {
    if (typeof operation?.id !== 'string' || typeof operation.body !== 'string') {
      throw badFile(path, 'lists an operation without an id or a body');
    }
  }
  return operations;
}

function readJson(path: string): Record<string, unknown> {
  try {
    return Object(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    throw badFile(path, error instanceof SyntaxError ? 'is not JSON' : 'cannot be read');
  }
}

function badFile(path: string, fault: string): ConfigError {
  return new ConfigError([`PERSISTED_QUERIES_FILE must be a manifest of persisted queries, but ${path} ${fault}.`]);
}
