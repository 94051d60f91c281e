import type { SecondTier } from '../../src/cache/index.ts';

export interface SecondTierUnderTest {
  /** Creates a tier that is neither started nor resumed. All tiers of one test share their records. */
  create(): SecondTier;
  /** Resolves when the tier is up after `start`. */
  untilUp(tier: SecondTier): Promise<void>;
  /** Resolves when everything that was announced or stored so far has been written. */
  untilWritten(): Promise<void>;
}

/** What the cache and its loads rely on, whatever implements the second tier. */
export function describeSecondTierContract(name: string, prepare: () => SecondTierUnderTest): void {
  describe(`the ${name} second tier`, () => {
    let underTest: SecondTierUnderTest;
    const tiers: SecondTier[] = [];
    let names = 0;
    let key: string;

    beforeEach(() => {
      underTest = prepare();
      key = `items_${process.pid}_${names++}`;
    });

    afterEach(async () => {
      for (const tier of tiers.splice(0)) await tier.close();
    });

    function create(): SecondTier {
      const tier = underTest.create();
      tiers.push(tier);
      return tier;
    }

    async function start(): Promise<SecondTier> {
      const tier = create();
      tier.start();
      await underTest.untilUp(tier);
      tier.resume();
      return tier;
    }

    const record = (version: number) => ({ id: 'a', version, name: `version ${version}` });
    const announce = (tier: SecondTier, version: number, value: unknown = record(version)) =>
      tier.announce([{ key, version, value }]);
    const read = async (tier: SecondTier) => {
      await underTest.untilWritten();
      return (await tier.visit()!.read([key])).get(key);
    };

    test('is unused until it is up and resumed, and after it is suspended or closed', async () => {
      const tier = create();
      const state = () => [tier.isUp, tier.generation === null, tier.visit() === null];
      expect(state()).toEqual([false, true, true]);
      tier.resume();
      expect(state()).toEqual([false, true, true]);
      tier.start();
      await underTest.untilUp(tier);
      expect(state()).toEqual([true, false, false]);
      tier.suspend();
      expect(state()).toEqual([true, true, true]);
      tier.resume();
      expect(state()).toEqual([true, false, false]);
      await tier.close();
      expect(state()).toEqual([false, true, true]);
    });

    test('returns what a load stored, and nothing for other keys', async () => {
      const tier = await start();
      tier.visit()!.store(key, 1, record(1));
      await underTest.untilWritten();
      const found = await tier.visit()!.read([`${key}_other`, key]);
      expect([...found]).toEqual([[key, { record: record(1), version: 1, isCurrent: true }]]);
    });

    test('returns what was announced, as current', async () => {
      const tier = await start();
      announce(tier, 1);
      announce(tier, 2);
      expect(await read(tier)).toEqual({ record: record(2), version: 2, isCurrent: true });
    });

    test('does not return what a load found before a change that was announced', async () => {
      const tier = await start();
      const visit = tier.visit()!;
      announce(tier, 2);
      visit.store(key, 1, record(1));
      expect(await read(tier)).toMatchObject({ version: 2 });
    });

    test('returns nothing for a record that was deleted, whatever a load found before', async () => {
      const tier = await start();
      const visit = tier.visit()!;
      announce(tier, 1);
      announce(tier, 1, null);
      visit.store(key, 1, record(1));
      expect(await read(tier)).toBeUndefined();
    });

    test('returns nothing for a record whose new content is unknown', async () => {
      const tier = await start();
      announce(tier, 1);
      tier.announce([
        { key, version: 2, value: undefined },
        { key: `${key}_other`, version: 1, value: undefined },
      ]);
      await underTest.untilWritten();
      expect((await tier.visit()!.read([key, `${key}_other`])).size).toBe(0);
    });

    test.each([
      ['a newer version', 2],
      ['that there is none', null],
    ])('returns nothing older once a reader has seen %s', async (_what, version) => {
      const tier = await start();
      announce(tier, 1);
      tier.observeVersion(key, version);
      expect(await read(tier)).toBeUndefined();
    });

    test('still returns a record that a reader has seen unchanged', async () => {
      const tier = await start();
      announce(tier, 1);
      tier.observeVersion(key, 1);
      expect(await read(tier)).toMatchObject({ version: 1, isCurrent: true });
    });

    test.each<[string, (tier: SecondTier) => void]>([
      ['after a time in which changes may have been missed', (tier) => [tier.suspend(), tier.resume()]],
      ['after an event that outdated the records of all instances', (tier) => tier.rejoin()],
    ])('asks for a check of what was written before, %s', async (_when, disturb) => {
      const tier = await start();
      announce(tier, 1);
      await underTest.untilWritten();
      disturb(tier);
      expect(await read(tier)).toEqual({ record: record(1), version: 1, isCurrent: false });
      announce(tier, 2);
      expect(await read(tier)).toMatchObject({ version: 2, isCurrent: true });
    });

    test('returns nothing that was written before it was told to discard it', async () => {
      const tier = await start();
      announce(tier, 1);
      await underTest.untilWritten();
      tier.discard();
      expect(await read(tier)).toBeUndefined();
    });

    test('gives one instance what another one wrote, if only to be checked', async () => {
      const first = await start();
      announce(first, 1);
      await underTest.untilWritten();
      expect(await read(await start())).toMatchObject({ record: record(1), version: 1 });
    });

    test('counts reads that found a record, and others', async () => {
      const tier = await start();
      announce(tier, 1);
      await underTest.untilWritten();
      await tier.visit()!.read([key, `${key}_other`, `${key}_third`]);
      expect(tier.counters).toMatchObject({ hits: 1, misses: 2 });
    });

    test('ignores an answer to a question of another instance', async () => {
      const tier = await start();
      const { generation } = tier;
      tier.receive({ command: 'synced', question: 'of another', from: 'another', generation: '0' });
      expect(tier.generation).toBe(generation);
    });
  });
}
