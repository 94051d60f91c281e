import type { Cache, FillLease, ReadTrace, SecondTier, TierVisit } from '../../cache/index.ts';

export interface RecordSource<Record extends { readonly id: string }> {
  readonly cache: Cache;
  readonly layer: string;
  readonly keyOf: (id: string) => string;
  /** Rises with every write of a record. */
  readonly versionOf: (record: Record) => number;
  /** The records with these ids that exist, in any order. */
  readonly find: (ids: readonly string[]) => Promise<readonly Record[]>;
  /** The ids of those records that are what `find` would give; cheaper than that. */
  readonly revalidate: (records: readonly Record[]) => Promise<readonly string[]>;
  readonly trace?: ReadTrace;
  /** Whether the database is asked, whatever the cache and the second tier hold. */
  readonly reload?: boolean;
}

/** What is held of a record, at once: `null` when it is known that there is none, `undefined` when nothing is known. */
export function findHeldRecord<Record extends { readonly id: string }>(
  id: string,
  { cache, keyOf, layer, reload, trace }: RecordSource<Record>,
): Record | null | undefined {
  return cache.findHeld<Record | null>(keyOf(id), { layer, reload, trace });
}

/** Reads records by their ids, which do not repeat, in that order; `null` where there is none. */
export function readRecords<Record extends { readonly id: string }>(
  ids: readonly string[],
  source: RecordSource<Record>,
): Promise<(Record | null)[]> {
  const { cache, layer, keyOf, versionOf, find, reload, trace } = source;
  const keys = ids.map(keyOf);
  return cache.readMany<Record | null>(
    keys,
    async (missing, lease) => {
      const wanted = missing.length === keys.length ? ids : idsOf(missing, keys, ids);
      const found =
        cache.secondTier && !reload
          ? await findThrough(cache.secondTier, wanted, source, lease)
          : byId(await find(wanted));
      return wanted.map((id) => found.get(id) ?? null);
    },
    { layer, versionOf: (record) => versionOf(record!), reload, trace },
  );
}

/** Takes current records from the second tier, and asks the database for the rest in two statements at most. */
async function findThrough<Record extends { readonly id: string }>(
  tier: SecondTier,
  ids: readonly string[],
  { keyOf, versionOf, find, revalidate }: RecordSource<Record>,
  lease: FillLease,
): Promise<Map<string, Record>> {
  const visit = tier.visit();
  const held = visit ? await readTier<Record>(visit, ids, keyOf) : [];
  const found = new Map<string, Record>();
  const show = (record: Record) => {
    found.set(record.id, record);
    tier.observeVersion(keyOf(record.id), versionOf(record));
  };
  const keep = (record: Record) => {
    show(record);
    const key = keyOf(record.id);
    if (lease.mayFill(key)) visit?.store(key, versionOf(record), record);
  };
  const doubtful: Record[] = [];
  for (const { record, isCurrent } of held) {
    if (isCurrent) show(record);
    else doubtful.push(record);
  }
  // When most are to be loaded anyway, all of them are, in the same statement.
  if (doubtful.length > 0 && ids.length - held.length <= doubtful.length) {
    const unchanged = new Set(await revalidate(doubtful));
    for (const record of doubtful) if (unchanged.has(record.id)) keep(record);
  }
  const missing = ids.filter((id) => !found.has(id));
  if (missing.length > 0) {
    for (const record of await find(missing)) keep(record);
    for (const id of missing) if (!found.has(id)) tier.observeVersion(keyOf(id), null);
  }
  return found;
}

async function readTier<Record extends { readonly id: string }>(
  visit: TierVisit,
  ids: readonly string[],
  keyOf: (id: string) => string,
): Promise<{ readonly record: Record; readonly isCurrent: boolean }[]> {
  const held = await visit.read(ids.map(keyOf));
  return ids.flatMap((id) => {
    const entry = held.get(keyOf(id));
    const record = entry?.record as Record | undefined;
    return record?.id === id ? [{ record, isCurrent: entry!.isCurrent }] : [];
  });
}

function idsOf(wanted: readonly string[], keys: readonly string[], ids: readonly string[]): string[] {
  const idOf = new Map(keys.map((key, index) => [key, ids[index]!]));
  return wanted.map((key) => idOf.get(key)!);
}

function byId<Record extends { readonly id: string }>(records: readonly Record[]): Map<string, Record> {
  return new Map(records.map((record) => [record.id, record]));
}
