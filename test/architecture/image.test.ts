import { readFileSync } from 'node:fs';

const dockerfile = readText('../../Dockerfile');
const ignored = readText('../../.dockerignore');
const manifest = JSON.parse(readText('../../package.json'));
const agent = JSON.parse(readText('../../agent/package.json'));
const consolePackage = JSON.parse(readText('../../console/package.json'));
const lock = JSON.parse(readText('../../package-lock.json'));

function readText(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

/** The instructions of the last stage, the shipped image. */
const instructions = dockerfile
  .slice(dockerfile.lastIndexOf('\nFROM '))
  .split('\n')
  .filter((line) => /^[A-Z]+ /.test(line));

describe('the image', () => {
  test('runs as a user without privileges, and without npm, which would not pass on signals', () => {
    expect(instructions.filter((line) => line.startsWith('USER '))).toEqual(['USER node']);
    expect(instructions.at(-1)).toBe('CMD ["node", "dist/server/main.js"]');
  });

  test('has one writable folder', () => {
    expect(instructions).toEqual(expect.arrayContaining(['RUN mkdir /data && chown node:node /data', 'VOLUME /data']));
  });

  test('is built from the named files only', () => {
    expect(ignored.split('\n').filter((line) => line && !line.startsWith('#'))[0]).toBe('*');
    expect(dockerfile).toContain('RUN npm ci\n');
  });

  test('has the console as files, and none of its packages', () => {
    expect(instructions.filter((line) => line.includes('console'))).toEqual([
      'COPY --from=build /app/console/dist ./console/dist',
    ]);
    expect(dockerfile).toContain('npm prune --omit=dev');
    expect(consolePackage.dependencies).toBeUndefined();
    const shipped = Object.entries<{ dev?: boolean; devOptional?: boolean }>(lock.packages)
      .filter(([, { dev, devOptional }]) => !dev && !devOptional)
      .map(([path]) => path);
    for (const name of ['react', 'vite', '@apollo/client', 'graphiql', 'monaco-editor']) {
      expect(shipped).not.toContain(`node_modules/${name}`);
    }
  });
});

describe('the packages', () => {
  test('have exact versions', () => {
    const versions = {
      ...manifest.dependencies,
      ...manifest.devDependencies,
      ...manifest.overrides,
      ...agent.dependencies,
      ...consolePackage.devDependencies,
    };
    expect(Object.entries(versions).filter(([, version]) => !/^\d+\.\d+\.\d+[\w.-]*$/.test(String(version)))).toEqual(
      [],
    );
  });

  test('are locked, each with its checksum', () => {
    const packages = Object.entries<{ integrity?: string; link?: boolean }>(lock.packages).filter(
      ([path, { link }]) => path.startsWith('node_modules/') && !link,
    );
    expect(packages.length).toBeGreaterThan(100);
    expect(packages.filter(([, { integrity }]) => !integrity?.startsWith('sha512-')).map(([path]) => path)).toEqual([]);
  });
});
