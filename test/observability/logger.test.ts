import type { Config } from '../../src/config/config.ts';
import { createLogger } from '../../src/observability/logger.ts';

function createTestLogger(environment: Config['environment'], logLevel: Config['logLevel'] = 'info') {
  const lines: string[] = [];
  const logger = createLogger({ environment, logLevel }, { write: (line) => lines.push(line) });
  return { lines, logger };
}

test('writes one line of JSON per event in production', () => {
  const { lines, logger } = createTestLogger('production');
  logger.info({ requestId: 'a' }, 'one\ntwo');
  logger.error({ err: new Error('why') }, 'failed');
  expect(lines).toHaveLength(2);
  expect(lines.every((line) => line.trimEnd().split('\n').length === 1)).toBe(true);
  expect(lines.map((line) => JSON.parse(line))).toMatchObject([
    { level: 30, requestId: 'a', msg: 'one\ntwo' },
    { level: 50, err: { message: 'why' }, msg: 'failed' },
  ]);
});

test('writes for people in development', () => {
  const { lines, logger } = createTestLogger('development');
  logger.info('ready');
  expect(lines).toEqual([expect.stringMatching(/INFO.*ready/)]);
});

test('writes nothing below its level', () => {
  const { lines, logger } = createTestLogger('production', 'warn');
  logger.info('ready');
  expect(lines).toEqual([]);
});

test.each(['authorization', 'Authorization', 'token', 'accessToken', 'password', 'secret', 'cookie'])(
  'keeps the field %s to itself, however deep',
  (name) => {
    const { lines, logger } = createTestLogger('production');
    logger.info(
      { [name]: 'hunter2', headers: { [name]: 'hunter2' }, request: { headers: { [name]: 'hunter2' } } },
      'x',
    );
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toContain('hunter2');
  },
);
