import { startTestApp, type TestApp } from '../support/test-app.ts';

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp();
});

afterAll(() => testApp.close());

const INVALIDATE = 'mutation ($pattern: String!) { invalidateCache(pattern: $pattern) { entriesRemoved } }';

const invalidate = (pattern: string) => testApp.ask(INVALIDATE, { variables: { pattern } });

const cpuMs = () => {
  const { system, user } = process.threadCpuUsage();
  return (system + user) / 1000;
};

/** Each star can end in many places; a matcher that tries all combinations never finishes. */
const STARS = '*a'.repeat(30);

test.each([
  ['thirty stars', `${STARS}b`],
  ['thirty stars and one more', `${STARS}*b`],
  ['a star and a long word', `*${'a'.repeat(254)}b`],
  ['question marks', `*${'?'.repeat(254)}b`],
])('%s over a thousand long keys take linear time', async (_what, pattern) => {
  for (let n = 0; n < 1000; n++) testApp.app.cache.set(`workstations_${n}_${'a'.repeat(500)}`, n);
  let leastMs = Number.POSITIVE_INFINITY;
  for (let attempt = 0; attempt < 10 && leastMs >= 250; attempt++) {
    const before = cpuMs();
    expect(await invalidate(pattern)).toMatchObject({ data: { invalidateCache: { entriesRemoved: 0 } } });
    leastMs = Math.min(leastMs, cpuMs() - before);
  }
  expect(leastMs).toBeLessThan(250);
});

test.each([
  ['of ten thousand characters', 'a'.repeat(10_000)],
  ['of ten thousand stars', '*'.repeat(10_000)],
  ['of one character too many', 'a'.repeat(257)],
  ['with a zero character', 'workstations_\u0000*'],
  ['with a line break', 'workstations_*\nadmin logged in'],
  ['with an escape sequence', '\u001b[2J*'],
  ['of blanks', ' \t\n '],
  ['of nothing', ''],
])('a pattern %s is refused, and removes nothing', async (_what, pattern) => {
  testApp.app.cache.set('workstations_kept', 1);
  expect(await invalidate(pattern)).toMatchObject({
    errors: [{ extensions: { code: 'BAD_USER_INPUT', field: 'pattern' } }],
  });
  expect(testApp.app.cache.get('workstations_kept')).toBe(1);
});
