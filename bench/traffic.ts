import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib';
import { post } from './connection.ts';
import type { Traffic } from './load-plan.ts';
import { body } from './queries.ts';
import { createRandom, zipf } from './zipf.ts';

/** One request and the check of its response. */
export interface Exchange {
  readonly bytes: Buffer;
  /** @throws when the response is wrong */
  answered(answer: Buffer): void;
}

export interface TrafficSource {
  next(): Exchange;
  readonly staleAnswers: number;
}

export function createTraffic(traffic: Traffic, url: string): TrafficSource {
  if (traffic.kind === 'reads') return readSame(traffic, url);
  if (traffic.kind === 'reads and writes') return readAndWrite(traffic, url);
  return readWhileReported(traffic, url);
}

const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: gunzipSync,
  br: brotliDecompressSync,
  zstd: zstdDecompressSync,
};

/**
 * A request whose response never changes: checked once, then compared by its length.
 *
 * @param encoding the `Accept-Encoding`; default: no such header
 */
export function unchanging(url: string, request: string, encoding?: string): Exchange {
  const decode = DECODERS[encoding ?? ''];
  let length = -1;
  return {
    bytes: post(url, request, undefined, encoding === undefined ? {} : { 'accept-encoding': encoding }),
    answered(answer) {
      if (answer.length === length) return;
      // What is kept may be compressed better than the first answer was.
      if (length !== -1 && !decode) throw new Error(`An answer changed: ${answer.toString().slice(0, 500)}`);
      refuseErrors(decode ? decode(answer) : answer);
      length = answer.length;
    },
  };
}

function readSame({ requests, order, encoding }: Traffic & { kind: 'reads' }, url: string): TrafficSource {
  const exchanges = requests.map((request) => unchanging(url, request, encoding));
  const place = order === 'zipf' ? zipf(exchanges.length, createRandom(1)) : inTurn(exchanges.length);
  return { next: () => exchanges[place()]!, staleAnswers: 0 };
}

/**
 * Remembers each workstation's version of the last answered write; a read that begins later must not show an older one.
 */
function readAndWrite(
  { record, update, ids, writeShare }: Traffic & { kind: 'reads and writes' },
  url: string,
): TrafficSource {
  const random = createRandom(2);
  const place = zipf(ids.length, random);
  const reads = ids.map((id) => post(url, body(record, { id })));
  const writtenVersions = new Uint32Array(ids.length);
  let writes = 0;
  let staleAnswers = 0;
  const write = (index: number): Exchange => ({
    bytes: post(url, body(update, { id: ids[index], hostname: `bench-${process.pid}-${++writes}.fleet.example` })),
    answered(answer) {
      writtenVersions[index] = Math.max(writtenVersions[index]!, versionIn(answer));
    },
  });
  const read = (index: number): Exchange => {
    const atLeast = writtenVersions[index]!;
    return {
      bytes: reads[index]!,
      answered(answer) {
        if (versionIn(answer) < atLeast) staleAnswers++;
      },
    };
  };
  return {
    next: () => (random() < writeShare ? write(place()) : read(place())),
    get staleAnswers() {
      return staleAnswers;
    },
  };
}

function readWhileReported({ list, record, ids }: Traffic & { kind: 'telemetry' }, url: string): TrafficSource {
  const place = zipf(ids.length, createRandom(3));
  const records = ids.map((id) => changing(post(url, body(record, { id }))));
  const theList = changing(post(url, body(list)));
  let turn = 0;
  return { next: () => (turn++ % 2 === 0 ? theList : records[place()]!), staleAnswers: 0 };
}

/** A request whose response differs each time, so its length tells nothing. */
function changing(bytes: Buffer): Exchange {
  return { bytes, answered: refuseErrors };
}

function inTurn(count: number): () => number {
  let at = 0;
  return () => at++ % count;
}

const DATA = Buffer.from('{"data":{');
const VERSION = Buffer.from('"version":');

function versionIn(answer: Buffer): number {
  refuseErrors(answer);
  const at = answer.indexOf(VERSION);
  return at === -1 ? 0 : Number.parseInt(answer.toString('latin1', at + VERSION.length, at + VERSION.length + 10), 10);
}

/** A failed response begins with its errors, or has no data. */
function refuseErrors(answer: Buffer): void {
  if (answer.subarray(0, DATA.length).equals(DATA) && !answer.includes('"errors":')) return;
  throw new Error(`A request failed: ${answer.toString().slice(0, 500)}`);
}
