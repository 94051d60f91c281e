import { Cache, Cached, ReadTrace, type Removal } from '../../src/cache/index.ts';
import { createMemoryTier, type SharedRecords } from './memory-tier.ts';

/*
 * Uses the cache as a program does that knows nothing but its index.ts: a small library of books, kept in a map in place of a
 * database. The program announces each write.
 */

interface Book {
  readonly id: string;
  readonly version: number;
  readonly title: string;
  readonly shelf: string;
}

interface BookChange {
  readonly before: Book | undefined;
  readonly after: Book | undefined;
}

const keyOf = (id: string) => `books_${id}`;

class Library {
  readonly table = new Map<string, Book>();
  readonly statements: string[] = [];
  readonly followers: Cache[] = [];

  async find(ids: readonly string[]): Promise<(Book | null)[]> {
    this.statements.push(`find ${ids}`);
    return ids.map((id) => this.table.get(id) ?? null);
  }

  async findShelf(shelf: string): Promise<Book[]> {
    this.statements.push(`shelf ${shelf}`);
    return [...this.table.values()].filter((book) => book.shelf === shelf);
  }

  write(id: string, content: { readonly title: string; readonly shelf: string } | null): void {
    const before = this.table.get(id);
    const after = content ? { id, version: (before?.version ?? 0) + 1, ...content } : undefined;
    if (after) this.table.set(id, after);
    else this.table.delete(id);
    const change: BookChange = { before, after };
    const record = { key: keyOf(id), version: (after ?? before)!.version, value: after ?? null };
    for (const cache of this.followers) cache.announce({ records: [record], tags: ['books'], change });
  }
}

class Reader {
  readonly cache: Cache;
  readonly #library: Library;

  constructor(library: Library, cache: Cache) {
    this.#library = library;
    this.cache = cache;
    library.followers.push(cache);
  }

  readBooks(ids: readonly string[], trace?: ReadTrace): Promise<(Book | null)[]> {
    const keys = ids.map(keyOf);
    const load = (missing: readonly string[]) => this.#load(missing.map((key) => key.slice('books_'.length)));
    return this.cache.readMany<Book | null>(keys, load, { layer: 'books', versionOf: (book) => book!.version, trace });
  }

  /** A shelf is a list of ids; the books that come with it are kept as records. */
  async readShelf(shelf: string, trace?: ReadTrace): Promise<(Book | null)[]> {
    const ids = await this.cache.read<string[]>(
      `shelf_${shelf}`,
      async (lease) => {
        const books = await this.#library.findShelf(shelf);
        for (const book of books) lease.prime(keyOf(book.id), book, { layer: 'books', version: book.version });
        return books.map(({ id }) => id);
      },
      {
        layer: 'shelves',
        tagsOf: () => ['books'],
        isAffectedBy: (change) => {
          const { before, after } = change as BookChange;
          return (before?.shelf === shelf) !== (after?.shelf === shelf);
        },
        trace,
      },
    );
    return this.readBooks(ids, trace);
  }

  @Cached({ keyPrefix: 'titles', tags: ['books'] })
  async countTitles(word: string): Promise<number> {
    this.#library.statements.push(`count ${word}`);
    return [...this.#library.table.values()].filter(({ title }) => title.includes(word)).length;
  }

  /** Takes from the second tier what is current there, and the rest from the table. */
  async #load(ids: readonly string[]): Promise<(Book | null)[]> {
    const tier = this.cache.secondTier;
    const visit = tier?.visit();
    if (!tier || !visit) return this.#library.find(ids);
    const held = await visit.read(ids.map(keyOf));
    const current = ids.map((id) => {
      const found = held.get(keyOf(id));
      return found?.isCurrent ? (found.record as Book) : null;
    });
    const missing = ids.filter((_id, index) => current[index] === null);
    const loaded = missing.length > 0 ? await this.#library.find(missing) : [];
    for (const book of loaded) if (book) visit.store(keyOf(book.id), book.version, book);
    for (const [index, id] of missing.entries()) tier.observeVersion(keyOf(id), loaded[index]?.version ?? null);
    return ids.map((id, index) => current[index] ?? loaded[missing.indexOf(id)] ?? null);
  }
}

function createReader(options: ConstructorParameters<typeof Cache>[0] = {}) {
  const library = new Library();
  library.write('1', { title: 'Dune', shelf: 'fiction' });
  library.write('2', { title: 'Emma', shelf: 'fiction' });
  library.write('3', { title: 'Cosmos', shelf: 'science' });
  const reader = new Reader(library, new Cache(options));
  /** What was asked of the table since the last call. */
  const asked = () => library.statements.splice(0);
  return { library, reader, asked };
}

const titles = (books: readonly (Book | null)[]) => books.map((book) => book?.title ?? null);

test('reads go through the cache: one load for concurrent readers, none while it is held', async () => {
  const { reader, asked } = createReader();
  const [first, second] = await Promise.all([reader.readBooks(['1', '2']), reader.readBooks(['2', '9'])]);
  expect([titles(first), titles(second)]).toEqual([
    ['Dune', 'Emma'],
    ['Emma', null],
  ]);
  expect(asked()).toEqual(['find 1,2', 'find 9']);
  expect(titles(await reader.readBooks(['9', '1']))).toEqual([null, 'Dune']);
  expect(asked()).toEqual([]);
});

test('an announced change is seen by the next read, without a load', async () => {
  const { library, reader, asked } = createReader();
  await reader.readBooks(['1', '2']);
  asked();
  library.write('1', { title: 'Dune Messiah', shelf: 'fiction' });
  library.write('2', null);
  expect(titles(await reader.readBooks(['1', '2']))).toEqual(['Dune Messiah', null]);
  expect(asked()).toEqual([]);
});

test('a list brings its records along, and is dropped only by a change that affects it', async () => {
  const { library, reader, asked } = createReader();
  expect(titles(await reader.readShelf('fiction'))).toEqual(['Dune', 'Emma']);
  expect(asked()).toEqual(['shelf fiction']);
  library.write('1', { title: 'Dune Messiah', shelf: 'fiction' });
  library.write('3', { title: 'Contact', shelf: 'science' });
  expect(titles(await reader.readShelf('fiction'))).toEqual(['Dune Messiah', 'Emma']);
  expect(asked()).toEqual([]);
  library.write('2', { title: 'Emma', shelf: 'classics' });
  expect(titles(await reader.readShelf('fiction'))).toEqual(['Dune Messiah']);
  expect(asked()).toEqual(['shelf fiction']);
});

test('a decorated method is read through the cache', async () => {
  const { library, reader, asked } = createReader();
  expect([await reader.countTitles('m'), await reader.countTitles('m')]).toEqual([2, 2]);
  expect(asked()).toEqual(['count m']);
  library.write('3', { title: 'Contact', shelf: 'science' });
  expect(await reader.countTitles('m')).toBe(1);
});

test('what is derived from a list ends with the first of its parts', async () => {
  const { library, reader } = createReader();
  const trace = new ReadTrace();
  const page = titles(await reader.readShelf('fiction', trace)).join(', ');
  const ended: string[] = [];
  const dependency = reader.cache.dependOn(trace, () => ended.push(page))!;
  expect(dependency.keys).toEqual(['shelf_fiction', 'books_1', 'books_2']);
  library.write('3', { title: 'Contact', shelf: 'science' });
  expect([dependency.isValid, ended]).toEqual([true, []]);
  library.write('2', { title: 'Persuasion', shelf: 'fiction' });
  expect([dependency.isValid, ended]).toEqual([false, ['Dune, Emma']]);
});

test('removals have causes, and the statistics count by layer', async () => {
  const { library, reader } = createReader({ maxEntries: 2 });
  const removals: Removal[] = [];
  reader.cache.onRemoval((removal) => removals.push(removal));
  await reader.readBooks(['1', '2']);
  await reader.readBooks(['3']);
  library.write('3', { title: 'Contact', shelf: 'science' });
  reader.cache.invalidate('books_2');
  await Promise.resolve();
  expect(removals.map(({ key, layer, cause }) => [key, layer, cause])).toEqual([
    ['books_1', 'books', 'evicted'],
    ['books_3', 'books', 'replaced'],
    ['books_2', 'books', 'invalidated'],
  ]);
  expect(reader.cache.getStats().layers).toEqual([
    { name: 'books', hits: 0, misses: 3, size: 1, evictions: 1, hitRatePercent: 0 },
  ]);
});

test('while announcements may be missed nothing is served from the cache', async () => {
  const { reader, asked } = createReader();
  await reader.readBooks(['1']);
  reader.cache.suspend();
  await reader.readBooks(['1']);
  reader.cache.resume();
  await reader.readBooks(['1']);
  await reader.readBooks(['1']);
  expect(asked()).toEqual(['find 1', 'find 1', 'find 1']);
});

test('a second tier answers for what this process does not hold', async () => {
  const shared: SharedRecords = new Map();
  const secondTier = createMemoryTier(shared);
  const { library, reader, asked } = createReader({ secondTier, maxEntries: 1 });
  secondTier.start();
  reader.cache.resume();
  await reader.readBooks(['1']);
  await reader.readBooks(['2']);
  library.write('1', { title: 'Dune Messiah', shelf: 'fiction' });
  expect(asked()).toEqual(['find 1', 'find 2']);
  expect(titles(await reader.readBooks(['1']))).toEqual(['Dune Messiah']);
  expect(asked()).toEqual([]);
  expect(reader.cache.getStats().layers.find(({ name }) => name === 'redis')).toMatchObject({ hits: 1, misses: 2 });
  reader.cache.clear();
  expect(titles(await reader.readBooks(['1']))).toEqual(['Dune Messiah']);
  expect(asked()).toEqual(['find 1']);
});
