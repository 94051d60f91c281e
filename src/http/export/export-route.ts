import { pipeline, Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Collections, Identified, OpenCollection, Scan } from '../../collections/index.ts';
import { StationmasterError } from '../../errors.ts';
import { requireRole } from '../../graphql/auth-checker.ts';
import type { Admission } from '../../operations/caller.ts';
import { createCompressor } from '../../operations/content-coding.ts';
import type { Timers } from '../../timers.ts';
import { CODING_HEADERS, chooseCoding } from '../accept-encoding.ts';
import type { AddressReader } from '../client-address.ts';
import { refuseOtherMethods } from '../graphql-over-http.ts';
import { readExportArguments } from './export-arguments.ts';
import { EXPORT_FORMATS, type ExportFormat, exportColumns } from './export-format.ts';

export interface ExportParts {
  readonly collections: Collections;
  readonly schema: GraphQLSchema;
  readonly admission: Admission;
  readonly addressOf: AddressReader;
  readonly logger: Logger;
  /** How long an export may take, however little by little its client reads. */
  readonly exportTimeoutSeconds: number;
  readonly timers: Timers;
  /** Whether files are compressed for clients that take it. */
  readonly compresses: boolean;
}

/** Each holds a connection to the database. */
const MAX_EXPORTS = 4;
const RETRY_AFTER_SECONDS = 10;
/** How long a client may leave what it was sent unread. */
const UNREAD_TIMEOUT_SECONDS = 30;
const ROWS_AT_ONCE = 500;

type AnyOpenCollection = OpenCollection<Identified, unknown, string>;

/** `GET /export/<collection>.<format>`: all rows that fit a filter, as a file. */
export function registerExportRoutes(server: FastifyInstance, parts: ExportParts): void {
  const exports = new Exports(parts);
  for (const collection of parts.collections.all) {
    for (const [extension, format] of Object.entries(EXPORT_FORMATS)) {
      const file = `${collection.definition.key}.${extension}`;
      const url = `/export/${file}`;
      refuseOtherMethods(server, url, ['GET']);
      server.get(url, { exposeHeadRoute: false }, async (request, reply) => {
        const rows = await exports.open({ collection, format, file }, request, reply);
        reply.type(format.contentType).header('content-disposition', `attachment; filename="${file}"`);
        const coding = parts.compresses ? chooseCoding(request.headers['accept-encoding']) : null;
        if (coding === null) return reply.send(rows);
        // Whoever ends early or fails ends the other as well; Fastify is told by the stream it sends.
        return reply.headers(CODING_HEADERS[coding]).send(pipeline(rows, createCompressor(coding), () => {}));
      });
    }
  }
}

class Exports {
  readonly #parts: ExportParts;
  #running = 0;

  constructor(parts: ExportParts) {
    this.#parts = parts;
  }

  /** @throws {StationmasterError} for whatever is known before the first row */
  async open(asked: AskedExport, request: FastifyRequest, reply: FastifyReply): Promise<Readable> {
    const { addressOf, admission, schema } = this.#parts;
    const { collection } = asked;
    const { raw, url } = request;
    const { authorization } = request.headers;
    const identity = await admission.admit({ authorization, address: addressOf(raw) });
    requireRole({ identity }, ['VIEWER']);
    const search = url.includes('?') ? url.slice(url.indexOf('?')) : '';
    const { filter, order } = readExportArguments(search, schema, collection.definition);
    if (this.#running >= MAX_EXPORTS) {
      throw new StationmasterError('RATE_LIMITED', `${MAX_EXPORTS} exports run already; try again later.`, {
        retryAfterSeconds: RETRY_AFTER_SECONDS,
      });
    }
    this.#running++;
    let scan: Scan<Identified> | undefined;
    const limit = this.#limitOf(asked, request, reply);
    const end = async () => {
      limit.lift();
      this.#running--;
      await scan?.close();
    };
    try {
      scan = filter ? await collection.scan(filter, order) : NOTHING;
      // What is wrong with the database shows before the status is sent.
      const first = await scan.next(ROWS_AT_ONCE);
      return stream(asked, { first, scan, end, limit });
    } catch (error) {
      await end();
      throw error;
    }
  }

  /** The cursor of an export keeps the database from removing old versions of rows, so no client may hold it for long. */
  #limitOf({ file }: AskedExport, { id: requestId }: FastifyRequest, reply: FastifyReply): TimeLimit {
    const { exportTimeoutSeconds, logger, timers } = this.#parts;
    const cutOff = (reason: string) => () => {
      logger.warn({ requestId, file, reason }, 'export cut off');
      // No part of it looks complete.
      reply.raw.destroy();
    };
    const takesTooLong = `It took longer than ${exportTimeoutSeconds} s: EXPORT_TIMEOUT_SECONDS.`;
    return {
      lift: timers.after(exportTimeoutSeconds * 1000, cutOff(takesTooLong)),
      awaitReader: () =>
        timers.after(UNREAD_TIMEOUT_SECONDS * 1000, cutOff(`The client read nothing for ${UNREAD_TIMEOUT_SECONDS} s.`)),
    };
  }
}

function stream({ collection, format }: AskedExport, { first, scan, end, limit }: OpenRows): Readable {
  const columns = exportColumns(collection.definition.columns);
  const write = (records: readonly Identified[]) => records.map((record) => format.row(columns, record)).join('');
  const patiently = async function* () {
    let text = format.begin(columns);
    for (let records = first; records.length > 0; records = await scan.next(ROWS_AT_ONCE)) {
      text += write(records);
      // The stream asks for more once the client has taken most of it.
      const hasRead = limit.awaitReader();
      try {
        yield text;
      } finally {
        hasRead();
      }
      text = '';
    }
    if (text !== '') yield text;
  };
  const readable = Readable.from(patiently(), { objectMode: false, highWaterMark: 1 });
  // Whether it ends, fails or the client leaves.
  readable.once('close', () => void end());
  return readable;
}

interface AskedExport {
  readonly collection: AnyOpenCollection;
  readonly format: ExportFormat;
  /** Its name, as clients save it. */
  readonly file: string;
}

/** Cuts an export off that takes too long, or whose client does not read. */
interface TimeLimit {
  /** Ends the limit with the export. */
  lift(): void;
  /** The returned function says that the client has read. */
  awaitReader(): () => void;
}

interface OpenRows {
  readonly first: readonly Identified[];
  readonly scan: Scan<Identified>;
  readonly end: () => Promise<void>;
  readonly limit: TimeLimit;
}

const NOTHING: Scan<Identified> = { next: async () => [], close: async () => {} };
