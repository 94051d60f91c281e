import { readFileSync } from 'node:fs';

const dockerfile = readText('../../Dockerfile');
const ignored = readText('../../.dockerignore');
const manifest = JSON.parse(readText('../../package.json'));
const lock = JSON.parse(readText('../../package-lock.json'));

function readText(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

/** The instructions of the last stage, which is what ships. */
const instructions = dockerfile
  .slice(dockerfile.lastIndexOf('\nFROM '))
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line));

describe('the image', () => {
  test('runs as a user without privileges, and not through npm, which would keep signals from the server', () => {
    expect(instructions.filter((line) => line.startsWith('USER '))).toEqual(['USER node']);
    expect(instructions.at(-1)).toBe('CMD ["node", "dist/src/main.js"]');
  });

  test('leaves one folder to write to', () => {
    expect(instructions).toEqual(expect.arrayContaining(['RUN mkdir /data && chown node:node /data', 'VOLUME /data']));
  });

  test('is built from what is named, and nothing else', () => {
    expect(ignored.split('\n').filter((line) => line && !line.startsWith('#'))[0]).toBe('*');
    expect(dockerfile).toContain('RUN npm ci\n');
  });
});

describe('the packages', () => {
  test('are named by exact versions', () => {
    const versions = { ...manifest.dependencies, ...manifest.devDependencies, ...manifest.overrides };
    expect(Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+[\w.-]*$/.test(String(version)))).toEqual(
      [],
    );
  });

  test('are locked, each by the checksum of what the registry gave', () => {
    const packages = Object.entries<{ integrity?: string }>(lock.packages).filter(([path]) => path !== '');
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
  });
});
