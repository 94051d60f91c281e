import { readFileSync } from 'node:fs';
import { ConfigError } from '../config/config.ts';
import { StationmasterError } from '../errors.ts';

/** What a client sent, as far as it says which operation is meant. */
export interface AskedOperation {
  readonly query?: unknown;
  readonly extensions?: unknown;
}

/** The operations that front-ends were built with; nothing else is executed. */
export interface TrustedDocuments {
  /**
   * What was asked for, with the text of the operation in place of its id.
   * @throws {StationmasterError} PERSISTED_QUERY_NOT_IN_LIST for anything that is not on the list
   */
  admit<Asked extends AskedOperation>(asked: Asked): Asked & { readonly query: string };
}

/**
 * Reads a manifest as `@apollo/generate-persisted-query-manifest` writes it. Clients name an operation by its id in
 * `extensions.persistedQuery.sha256Hash`, or send exactly the text on the list.
 *
 * @throws {ConfigError} when the file cannot be read, or is no such manifest
 */
export function readTrustedDocuments(path: string): TrustedDocuments {
  const textById = new Map(readManifest(path).map(({ id, body }) => [id, body]));
  const texts = new Set(textById.values());
  return {
    admit(asked) {
      const id = persistedIdOf(asked.extensions);
      const query = id === undefined ? asked.query : textById.get(id);
      const isListed = typeof query === 'string' && texts.has(query);
      // One operation is named by the id, another one spelled: neither may be meant.
      const isClear = id === undefined || !asked.query || asked.query === query;
      if (!isListed || !isClear) {
        throw new StationmasterError(
          'PERSISTED_QUERY_NOT_IN_LIST',
          'This server executes the operations on its list only, and this one is not on it.',
        );
      }
      return { ...asked, query, extensions: null };
    },
  };
}

/** Over WebSockets some clients send the id alone, where others have an object around it. */
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
