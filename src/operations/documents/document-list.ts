import { ConfigError } from '../../config/config.ts';

/** The text of each listed document by its id. Any text can be an id: tools use different hashes, or none. */
export type DocumentList = ReadonlyMap<string, string>;

/**
 * Reads the two formats that build tools write: a map `{ "<id>": "<text>" }`, as Relay's compiler and GraphQL Code
 * Generator, and the manifest of `@apollo/generate-persisted-query-manifest`.
 *
 * @param path where `json` was found, for the message
 * @throws {ConfigError} for anything else
 */
export function parseDocumentList(json: string, path: string): DocumentList {
  const list = parseJson(json, path);
  return 'format' in list && typeof list.format === 'string' && 'operations' in list
    ? readManifest(list, path)
    : readMap(list, path);
}

function readManifest({ format, operations, version }: Record<string, unknown>, path: string): DocumentList {
  if (format !== 'apollo-persisted-query-manifest' || version !== 1 || !Array.isArray(operations)) {
    throw badFile(path, 'is not a manifest of the format apollo-persisted-query-manifest, version 1');
  }
  return new Map(
    operations.map((operation: { id?: unknown; body?: unknown } | null) => {
      const { id, body } = Object(operation) as { id?: unknown; body?: unknown };
      if (typeof id === 'string' && typeof body === 'string') return [id, body] as const;
      throw badFile(path, 'lists an operation without an id or a body');
    }),
  );
}

function readMap(list: Record<string, unknown>, path: string): DocumentList {
  return new Map(
    Object.entries(list).map(([id, text]) => {
      if (typeof text === 'string') return [id, text] as const;
      throw badFile(
        path,
        `is not a manifest, and not a map from ids to texts: ${JSON.stringify(id.slice(0, 80))} has no text`,
      );
    }),
  );
}

function parseJson(json: string, path: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json.replace(/^\ufeff/, ''));
  } catch {
    throw badFile(path, 'is not JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw badFile(path, 'is not a manifest, and not a map from ids to texts');
}

/** Explains what is wrong with a list. @param fault completes "but <path> …" */
export function badFile(path: string, fault: string): ConfigError {
  return new ConfigError([`PERSISTED_QUERIES_FILE must be a list of persisted queries, but ${path} ${fault}.`]);
}
