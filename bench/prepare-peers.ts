import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const peersFolder = fileURLToPath(new URL('./peers/', import.meta.url));

/** Installs and builds the peers. They have their own packages, which only the benchmark needs. */
export function preparePeers(): void {
  const npm = (...args: string[]) => execFileSync('npm', args, { stdio: 'inherit' });
  if (!existsSync(`${peersFolder}node_modules/.package-lock.json`)) {
    console.log('The peers are not installed yet: npm ci --prefix bench/peers. This takes a minute, once.');
    npm('ci', '--prefix', peersFolder, '--no-audit', '--no-fund');
  }
  execFileSync('npx', ['--no-install', 'tsc', '-p', peersFolder], { stdio: 'inherit' });
}
