import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SecondTier, TierMessage } from '../../../src/cache/index.ts';
import { GenerationTier } from '../../../src/cache/redis/generation-tier.ts';
import { createRedisTier } from '../../../src/cache/redis/index.ts';
import { createTestClock } from '../../../src/testing/test-clock.ts';
import { engine } from '../../../src/testing/test-engine.ts';
import { type RedisServer, startRedis } from '../../support/redis.ts';
import { describeSecondTierContract } from '../second-tier-contract.ts';
import { createFakeStore, FakeServer, type FakeStore } from './fake-store.ts';
import { delivered } from './site.ts';

describeSecondTierContract('generation-based', () => {
  const clock = createTestClock();
  const server = new FakeServer(clock);
  const stores = new Map<SecondTier, FakeStore>();
  return {
    create() {
      const fake = createFakeStore({ server, clock });
      const send = async (message: TierMessage) => tier.receive(message);
      const tier: GenerationTier = new GenerationTier({ store: fake.store, keyPrefix: 'test', clock, send });
      stores.set(tier, fake);
      return tier;
    },
    untilUp: async (tier) => stores.get(tier)!.up(),
    untilWritten: delivered,
  };
});

const onServers = engine === 'postgresql' ? describe : describe.skip;

onServers('on a server,', () => {
  let redis: RedisServer;

  beforeAll(async () => {
    redis = await startRedis();
  });

  afterAll(() => redis.close());

  describeSecondTierContract('Redis', () => {
    const keyPrefix = randomUUID();
    return {
      create() {
        const send = async (message: TierMessage) => tier.receive(message);
        const tier: SecondTier = createRedisTier({ url: redis.url, retryDelayMs: () => 1, keyPrefix, send });
        return tier;
      },
      async untilUp(tier) {
        while (!tier.isUp) await sleep(1);
      },
      // One connection's writes are in order, and the server has them once it answers another client.
      async untilWritten() {
        await delivered();
        await redis.client.ping();
        await delivered();
      },
    };
  });
});
