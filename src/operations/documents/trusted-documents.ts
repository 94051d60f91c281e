import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import { hasRole, type Identity } from '../../auth/identity.ts';
import type { ConfigError } from '../../config/config.ts';
import { StationmasterError } from '../../errors.ts';
import type { Timers } from '../../timers.ts';
import type { AskedOperation } from '../operation.ts';
import { badFile, type DocumentList, parseDocumentList } from './document-list.ts';
import { watchFile } from './watched-file.ts';

/** What a client sent, as far as it says which document is meant. */
export type AskedDocument = Pick<AskedOperation, 'query' | 'extensions' | 'documentId' | 'doc_id'>;

/** Finds the text of the document that a client asks for. */
export interface DocumentSource {
  /**
   * The text; `null` when the request has none, or Apollo Server has to say why there is none.
   * @throws {StationmasterError} `PERSISTED_QUERY_NOT_IN_LIST` for a document that may not be executed
   */
  find(asked: AskedDocument, identity: Identity): string | null;
  /** Rises when the same request may mean another document than before, or none. Stays 0 where that cannot be. */
  readonly version: number;
  /** Starts to follow the file that documents come from. Returns what stops it. */
  start(): () => void;
}

export interface TrustedDocumentsOptions {
  readonly path: string;
  /** Whether an ADMIN may ask for documents that are not on the list. */
  readonly exceptAdmin: boolean;
  readonly timers: Timers;
  readonly logger: Logger;
}

/**
 * The documents that front-ends were built with; no other one is executed. Clients name a document by its id in
 * `extensions.persistedQuery.sha256Hash`, `documentId` or `doc_id`, or send exactly the text on the list.
 *
 * Reads the file again when it changes. A file that cannot be used leaves the list as it is, and a line in the log.
 *
 * @throws {ConfigError} when the file cannot be read, or is no list
 */
export function readTrustedDocuments({ path, exceptAdmin, timers, logger }: TrustedDocumentsOptions): DocumentSource {
  const readAgain = async () => {
    try {
      documents.replace(parseDocumentList(await readFile(path, 'utf8').catch(cannotRead(path)), path));
      logger.info({ path, documents: documents.size }, 'persisted queries read again');
    } catch (error) {
      logger.error(`The list of persisted queries stays as it was. ${(error as ConfigError).problems.join(' ')}`);
    }
  };
  const start = watchFile(path, timers, readAgain);
  const documents = new TrustedDocuments(parseDocumentList(readNow(path), path), { exceptAdmin, start });
  return documents;
}

function readNow(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    throw badFile(path, 'cannot be read');
  }
}

function cannotRead(path: string): () => never {
  return () => {
    throw badFile(path, 'cannot be read');
  };
}

class TrustedDocuments implements DocumentSource {
  readonly start: DocumentSource['start'];
  readonly #exceptAdmin: boolean;
  #textById: DocumentList;
  #texts: ReadonlySet<string>;
  #version = 0;

  constructor(
    list: DocumentList,
    { exceptAdmin, start }: Pick<TrustedDocumentsOptions, 'exceptAdmin'> & Pick<DocumentSource, 'start'>,
  ) {
    this.start = start;
    this.#exceptAdmin = exceptAdmin;
    this.#textById = list;
    this.#texts = new Set(list.values());
  }

  get version(): number {
    return this.#version;
  }

  get size(): number {
    return this.#textById.size;
  }

  replace(list: DocumentList): void {
    this.#textById = list;
    this.#texts = new Set(list.values());
    this.#version += 1;
  }

  find(asked: AskedDocument, identity: Identity): string {
    const sent = asked.query || undefined;
    const ids = new Set(idsOf(asked));
    const [id] = ids;
    const listed = id === undefined ? sent : this.#textOf(id);
    // A request that names several documents, or one and spells another, is ambiguous.
    const isClear = ids.size <= 1 && (listed === undefined || sent === undefined || sent === listed);
    if (isClear && listed !== undefined && this.#texts.has(listed)) return listed;
    if (isClear && sent !== undefined && this.#exceptAdmin && hasRole(identity, 'ADMIN')) return sent;
    throw new StationmasterError(
      'PERSISTED_QUERY_NOT_IN_LIST',
      'This server executes the operations on its list only, and this one is not on it.',
    );
  }

  /** The specification of persisted documents writes the kind of a hash before it; most lists do not. */
  #textOf(id: string): string | undefined {
    return this.#textById.get(id) ?? this.#textById.get(id.replace(/^sha256:/, ''));
  }
}

/** What the request names a document by. */
function idsOf({ documentId, doc_id, extensions }: AskedDocument): string[] {
  return [documentId, doc_id, persistedIdOf(extensions)].flatMap((id) =>
    typeof id === 'string' && id !== '' ? [id] : [],
  );
}

/** Some WebSocket clients send the id itself where others send an object with it. */
function persistedIdOf(extensions: AskedDocument['extensions']): unknown {
  const persisted = extensions?.persistedQuery;
  return typeof persisted === 'string'
    ? persisted
    : (persisted as { sha256Hash?: unknown } | null | undefined)?.sha256Hash;
}
