import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { dirname, extname, join } from 'node:path';
import type { Coding } from '../../operations/content-coding.ts';
import { strongEtag } from '../../operations/response-cache.ts';

/** A file of the console as it is sent. */
export interface ConsoleFile {
  readonly contentType: string;
  readonly etag: string;
  readonly body: Buffer;
  /** The same, compressed by the console's build, where that makes it smaller. */
  readonly coded: Readonly<Partial<Record<Coding, Buffer>>>;
}

/** The console's build, in memory: what is served cannot change under a running server, and no path reaches the disk. */
export interface ConsoleFiles {
  readonly index: ConsoleFile;
  readonly graphiql: ConsoleFile;
  /** By name. A name contains a hash of the content, so it never means something else. */
  readonly assets: ReadonlyMap<string, ConsoleFile>;
}

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.ttf': 'font/ttf',
  '.woff': 'font/woff',
  '.woff2': 'font/woff2',
};

const EXTENSIONS: Readonly<Record<Coding, string>> = { zstd: '.zst', br: '.br', gzip: '.gz' };

/** The folder of the build, wherever the server was started and whether it runs from `src` or from `dist`. */
export const CONSOLE_DIST = join(findPackage(import.meta.dirname), 'console', 'dist');

function findPackage(folder: string): string {
  return existsSync(join(folder, 'package.json')) ? folder : findPackage(dirname(folder));
}

/**
 * Reads the console's build.
 * @param settings what the documents tell the console about this server; public
 * @returns `null` when there is none
 */
export async function readConsoleFiles(folder: string, settings: object): Promise<ConsoleFiles | null> {
  const documents = await Promise.all(['index.html', 'graphiql.html'].map((name) => readText(join(folder, name))));
  const [index, graphiql] = documents.map((text) => text && toDocument(text, settings));
  if (!index || !graphiql) return null;
  const names = await readdir(join(folder, 'assets'));
  const plain = names.filter((name) => extname(name) in CONTENT_TYPES);
  const assets = await Promise.all(
    plain.map(async (name) => [name, await readAsset(join(folder, 'assets'), name, names)] as const),
  );
  return { index, graphiql, assets: new Map(assets) };
}

async function readText(path: string): Promise<string | null> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null;
    throw error;
  });
}

/** Documents are shorter than what is worth compressing. */
function toDocument(html: string, settings: object): ConsoleFile {
  const content = JSON.stringify(settings).replaceAll('&', '&amp;').replaceAll('"', '&quot;');
  const body = Buffer.from(
    html.replace('<meta name="stationmaster" content=""', () => `<meta name="stationmaster" content="${content}"`),
  );
  return { contentType: CONTENT_TYPES['.html']!, etag: strongEtag(body), body, coded: {} };
}

async function readAsset(folder: string, name: string, names: readonly string[]): Promise<ConsoleFile> {
  const body = await readFile(join(folder, name));
  const coded: Partial<Record<Coding, Buffer>> = {};
  for (const [coding, extension] of Object.entries(EXTENSIONS) as [Coding, string][]) {
    if (names.includes(name + extension)) coded[coding] = await readFile(join(folder, name + extension));
  }
  return { contentType: CONTENT_TYPES[extname(name)]!, etag: strongEtag(body), body, coded };
}
