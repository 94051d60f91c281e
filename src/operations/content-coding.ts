import { promisify } from 'node:util';
import {
  brotliCompress,
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzip,
  gzipSync,
  zstdCompress,
  zstdCompressSync,
} from 'node:zlib';

/** The content codings that are offered, the one that is preferred among equals first. */
export const CODINGS = ['zstd', 'br', 'gzip'] as const;

export type Coding = (typeof CODINGS)[number];

/** Shorter bodies fit into one packet anyway. */
export const MIN_COMPRESSED_BYTES = 1024;

const zstdOf = (level: number) => ({ params: { [constants.ZSTD_c_compressionLevel]: level } });
const brotliOf = (quality: number, bytes = 0) => ({
  params: {
    [constants.BROTLI_PARAM_MODE]: constants.BROTLI_MODE_TEXT,
    [constants.BROTLI_PARAM_QUALITY]: quality,
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes,
  },
});

const wellBy = { br: promisify(brotliCompress), zstd: promisify(zstdCompress), gzip: promisify(gzip) };

/** Compresses at the fastest level, while a client waits. */
export function compressFast(coding: Coding, body: Buffer | string): Buffer {
  if (coding === 'zstd') return zstdCompressSync(body, zstdOf(1));
  if (coding === 'br') return brotliCompressSync(body, brotliOf(1, body.length));
  return gzipSync(body, { level: 1 });
}

/** Compresses on another thread, at the level beyond which time rises faster than the size falls. */
export function compressWell(coding: Coding, body: Buffer): Promise<Buffer> {
  if (coding === 'zstd') return wellBy.zstd(body, zstdOf(9));
  if (coding === 'br') return wellBy.br(body, brotliOf(5, body.length));
  return wellBy.gzip(body, { level: 6 });
}

/** Compresses a stream at the fastest level. */
export function createCompressor(coding: Coding) {
  if (coding === 'zstd') return createZstdCompress(zstdOf(1));
  return coding === 'br' ? createBrotliCompress(brotliOf(1)) : createGzip({ level: 1 });
}
