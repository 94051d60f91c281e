import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readOptions } from '../../agent/src/options.ts';
import { simulateMachine } from '../../agent/src/simulation.ts';
import { defaultStatePath, readState, writeState } from '../../agent/src/state.ts';

const STATE = { machine: { workstationId: 'w', key: 'smk_x' } };
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'stationmaster-agent-'));
});

afterEach(() => rm(folder, { recursive: true }));

describe('The state file', () => {
  test('is read as it was written, and only its owner may read it', async () => {
    const path = join(folder, 'a', 'b', 'state.json');
    expect(await readState(path)).toEqual({});
    await writeState(path, STATE);
    await writeState(path, { ...STATE, other: STATE.machine });
    expect(await readState(path)).toEqual({ ...STATE, other: STATE.machine });
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'a', 'b'))).toEqual(['state.json']);
  });

  test.each(['', '{', 'null', '[1]', '{"machine":{"key":1}}'])(
    'is refused with one line when it holds %j',
    async (text) => {
      const path = join(folder, 'state.json');
      await writeFile(path, text);
      await expect(readState(path)).rejects.toMatchObject({ exitCode: 78, message: expect.stringContaining(path) });
    },
  );

  test('that cannot be written is said in one line', async () => {
    const file = join(folder, 'file');
    await writeFile(file, '');
    await expect(writeState(join(file, 'state.json'), STATE)).rejects.toMatchObject({
      exitCode: 73,
      message: expect.stringMatching(/^The state file .* cannot be written \((ENOTDIR|EEXIST)\)\.$/),
    });
    expect(await readFile(file, 'utf8')).toBe('');
  });

  test('is in the configuration folder of the user', () => {
    expect(defaultStatePath({ XDG_CONFIG_HOME: '/home/ada/conf' })).toBe(
      '/home/ada/conf/stationmaster-agent/state.json',
    );
  });
});

describe('The options', () => {
  test('come from the command line, and from the environment', () => {
    expect(readOptions(['--url', 'http://a', '--enroll', 't', '--state', '/s', '--simulate', '1000'], {})).toEqual({
      url: 'http://a',
      token: 't',
      statePath: '/s',
      simulated: 1000,
      intervalMs: 10_000,
    });
    const env = { STATIONMASTER_URL: 'http://b', STATIONMASTER_ENROLL: 'u', XDG_CONFIG_HOME: '/c' };
    expect(readOptions(['--interval', '60'], env)).toMatchObject({ url: 'http://b', token: 'u', intervalMs: 60_000 });
  });

  test.each([
    [[], '--url'],
    [['--url', 'x', '--simulate', '0'], '--simulate'],
    [['--url', 'x', '--simulate', '10001'], '--simulate'],
    [['--url', 'x', '--interval', '1.5'], '--interval'],
    [['--uri', 'x'], '--uri'],
    [['--url'], '--url'],
  ])('%j are refused', (args, named) => {
    expect(() => readOptions(args, {})).toThrow(
      expect.objectContaining({ exitCode: 64, message: expect.stringContaining(named) }),
    );
  });
});

test('a simulated machine reports percentages, falls silent and comes back', () => {
  let seed = 1;
  const random = () => {
    seed = (seed * 48_271) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const { measure, ...machine } = simulateMachine(300, random);
  expect(machine).toEqual({
    machineId: 'simulated-00301',
    name: 'SIM-00301',
    hostname: 'sim-00301.fleet.example',
    ipAddress: '10.250.1.44',
    operatingSystem: 'Debian GNU/Linux 13',
  });
  const readings = Array.from({ length: 5000 }, measure);
  const values = readings.flatMap((reading) => Object.values(reading ?? {}));
  expect(values.every((value) => value >= 0 && value <= 100)).toBe(true);
  const silent = readings.filter((reading) => reading === null).length;
  expect(silent).toBeGreaterThan(50);
  expect(silent).toBeLessThan(2000);
  expect(new Set(values).size).toBeGreaterThan(500);
});
