import { TIER_GUARD_MS, type TierEntry, type TierStore } from '../../../src/cache/redis/tier-store.ts';

export interface StoreUnderTest {
  /** Returns a store that is up. */
  connect(): Promise<TierStore>;
  /** Writes a text as another program would. */
  put(key: string, text: string): Promise<void>;
  timeToLiveMs(key: string): Promise<number>;
}

const TTL_MS = 300_000;

/** What the second tier relies on, whatever implements the store. */
export function describeTierStoreContract(name: string, { connect, put, timeToLiveMs }: StoreUnderTest): void {
  describe(`a ${name} store`, () => {
    let store: TierStore;
    let names = 0;
    const newKey = () => `stationmaster-test:${process.pid}:${names++}`;
    const entry = (v: number, r?: object | null, g = 'one'): TierEntry => ({ v, g, u: store.nowMs() + TTL_MS, r });
    const write = async (key: string, written: TierEntry, notAfterMs = store.nowMs() + 10_000) =>
      (await store.write([{ key, entry: written, notAfterMs }]))[0];
    const read = async (key: string) => JSON.parse((await store.read([key]))[0]!);

    beforeEach(async () => {
      store = await connect();
    });

    afterEach(() => store.close());

    test('returns what was written, in the order of the keys, and null where there is nothing', async () => {
      const [a, b, c] = [newKey(), newKey(), newKey()];
      const [one, two] = [entry(1, { version: 1, name: 'é "quoted" \\ \u0000' }), entry(2, { version: 2 })];
      const writes = [
        { key: a, entry: one, notAfterMs: store.nowMs() + 10_000 },
        { key: c, entry: two, notAfterMs: store.nowMs() + 10_000 },
      ];
      expect(await store.write(writes)).toEqual(['written', 'written']);
      expect((await store.read([c, b, a])).map((text) => text && JSON.parse(text))).toEqual([two, null, one]);
    });

    const record = (v: number, g?: string) => () => entry(v, { version: v }, g);
    const deletion = (v: number) => () => entry(v, null);
    const unknown = (v: number) => () => entry(v);

    test.each([
      ['a newer record', record(2), record(3), 'written'],
      ['an older record', record(2), record(1), 'kept'],
      ['the same record of another generation', record(2), record(2, 'other'), 'written'],
      ['the same record again', record(2), record(2), 'written'],
      ['the deletion of the held version', record(2), deletion(2), 'written'],
      ['the deletion of an older version', record(2), deletion(1), 'kept'],
      ['the version that was deleted', deletion(2), record(2), 'kept'],
      ['a version older than the deleted one', deletion(2), record(1), 'kept'],
      ['a version newer than the deleted one', deletion(2), record(3), 'written'],
      ['the same deletion again', deletion(2), deletion(2), 'written'],
      ['a change of unknown content of the deleted version', deletion(2), unknown(2), 'kept'],
      ['a newer change of unknown content', record(2), unknown(3), 'written'],
      ['a change of unknown content of the held version', record(2), unknown(2), 'kept'],
      ['the content of a version whose content was unknown', unknown(2), record(2), 'written'],
      ['a version older than one of unknown content', unknown(2), record(1), 'kept'],
      ['the deletion of unknown content', unknown(2), deletion(2), 'written'],
    ])('given %s, does as its version allows', async (_name, before, after, result) => {
      const key = newKey();
      const [first, second] = [before(), after()];
      await write(key, first);
      expect(await write(key, second)).toBe(result);
      expect(await read(key)).toEqual(JSON.parse(JSON.stringify(result === 'written' ? second : first)));
    });

    test('does not write after notAfterMs', async () => {
      const key = newKey();
      expect(await write(key, entry(1, { version: 1 }), store.nowMs() - 1000)).toBe('late');
      // The store's clock may be ahead of the server's, but by less than that.
      expect(await write(key, entry(1, { version: 1 }), store.nowMs() - 100)).toBe('late');
      expect(await store.read([key])).toEqual([null]);
    });

    test.each([
      'no JSON',
      '',
      'null',
      '5',
      '[]',
      '{"v":"9","g":"one","u":1}',
      '{"v":9,"u":1,"r":{}}',
      '{"v":1.5,"g":"one","u":1}',
      '{"v":1e300,"g":"one","u":1}',
      '{"v":1e999,"g":"one","u":1}',
      `${'['.repeat(5000)}${']'.repeat(5000)}`,
    ])('overwrites what is not an entry, case %#', async (text) => {
      const key = newKey();
      await put(key, text);
      expect(await store.read([key])).toEqual([text]);
      const written = entry(1, { version: 1 });
      expect(await write(key, written)).toBe('written');
      expect(await read(key)).toEqual(written);
    });

    test('holds entries as long as they may be used, and as long as they have to refuse older ones', async () => {
      const [long, short] = [newKey(), newKey()];
      await write(long, entry(1, { version: 1 }));
      await write(short, { ...entry(1, null), u: store.nowMs() });
      expect(Math.abs((await timeToLiveMs(long)) - TTL_MS)).toBeLessThan(5000);
      expect(Math.abs((await timeToLiveMs(short)) - TIER_GUARD_MS)).toBeLessThan(5000);
    });

    test('extends the life of an entry that refused a write, and limits one that had no end', async () => {
      const key = newKey();
      await put(key, JSON.stringify(entry(5, { version: 5 })));
      await write(key, entry(4, { version: 4 }));
      expect(Math.abs((await timeToLiveMs(key)) - TIER_GUARD_MS)).toBeLessThan(5000);
    });

    test('leaves an entry its longer life when it refuses a write', async () => {
      const key = newKey();
      await write(key, entry(5, { version: 5 }));
      expect(await write(key, entry(4, { version: 4 }))).toBe('kept');
      expect(Math.abs((await timeToLiveMs(key)) - TTL_MS)).toBeLessThan(5000);
    });

    test('rejects calls at once when it is closed', async () => {
      await store.close();
      await expect(store.read([newKey()])).rejects.toThrow();
      await expect(write(newKey(), entry(1, null))).rejects.toThrow();
    });
  });
}
