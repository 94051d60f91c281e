import { pipeline, Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLSchema } from 'graphql';
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
  readonly timers: Timers;
  /** Whether files are compressed for clients that take it. */
  readonly compresses: boolean;
}

/** Each holds a connection to the database. */
const MAX_EXPORTS = 4;
const RETRY_AFTER_SECONDS = 10;
/** How long a client may leave what it was sent unread. */
const UNREAD_TIMEOUT_MS = 30_000;
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
        const rows = await exports.open(collection, format, request, reply);
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
  async open(
    collection: AnyOpenCollection,
    format: ExportFormat,
    { headers: { authorization }, raw, url }: FastifyRequest,
    reply: FastifyReply,
  ): Promise<Readable> {
    const { addressOf, admission, schema } = this.#parts;
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
    const end = async () => {
      this.#running--;
      await scan?.close();
    };
    try {
      scan = filter ? await collection.scan(filter, order) : NOTHING;
      // What is wrong with the database shows before the status is sent.
      const first = await scan.next(ROWS_AT_ONCE);
      return this.#stream(collection, format, { first, scan, end, reply });
    } catch (error) {
      await end();
      throw error;
    }
  }

  #stream(collection: AnyOpenCollection, format: ExportFormat, { reply, ...rows }: OpenRows): Readable {
    const columns = exportColumns(collection.definition.columns);
    const write = (records: readonly Identified[]) => records.map((record) => format.row(columns, record)).join('');
    const { timers } = this.#parts;
    const patiently = async function* () {
      let text = format.begin(columns);
      for (let records = rows.first; records.length > 0; records = await rows.scan.next(ROWS_AT_ONCE)) {
        text += write(records);
        // The stream asks for more once the client has taken most of it. Cut off, no file looks complete.
        const cancel = timers.after(UNREAD_TIMEOUT_MS, () => reply.raw.destroy());
        try {
          yield text;
        } finally {
          cancel();
        }
        text = '';
      }
      if (text !== '') yield text;
    };
    const stream = Readable.from(patiently(), { objectMode: false, highWaterMark: 1 });
    // Whether it ends, fails or the client leaves.
    stream.once('close', () => void rows.end());
    return stream;
  }
}

interface OpenRows {
  readonly first: readonly Identified[];
  readonly scan: Scan<Identified>;
  readonly end: () => Promise<void>;
  readonly reply: FastifyReply;
}

const NOTHING: Scan<Identified> = { next: async () => [], close: async () => {} };
