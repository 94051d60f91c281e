import { readdir, readFile, writeFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib';

const TEXTS = ['.css', '.html', '.js', '.json', '.svg'];
/** Shorter files fit into one packet anyway. */
const MIN_BYTES = 1024;
/** Above this size the best level takes seconds, and saves little. Only the editor of GraphiQL is as large. */
const LARGE_BYTES = 1024 * 1024;

/** Writes each text in `folder` in every coding that the server offers, beside it: `x.js.br`, `x.js.gz`, `x.js.zst`. */
export async function compressFiles(folder: string): Promise<void> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
  await Promise.all(paths.filter((path) => TEXTS.includes(extname(path))).map(compressFile));
}

async function compressFile(path: string): Promise<void> {
  const bytes = await readFile(path);
  if (bytes.length < MIN_BYTES) return;
  const isLarge = bytes.length > LARGE_BYTES;
  const quality = { [constants.BROTLI_PARAM_QUALITY]: isLarge ? 9 : 11 };
  const level = { [constants.ZSTD_c_compressionLevel]: isLarge ? 12 : 19 };
  const [br, gz, zst] = await Promise.all([
    promisify(brotliCompress)(bytes, { params: quality }),
    promisify(gzip)(bytes, { level: 9 }),
    promisify(zstdCompress)(bytes, { params: level }),
  ]);
  await Promise.all([writeFile(`${path}.br`, br), writeFile(`${path}.gz`, gz), writeFile(`${path}.zst`, zst)]);
}
