import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { EXIT_CODE, Failure } from './failure.ts';
import type { Credentials } from './server.ts';

/** What outlives the process: the credentials by the machine's own name for itself. */
export type State = Readonly<Record<string, Credentials>>;

/** In the user's configuration folder: `~/.config/stationmaster-agent/state.json`. */
export function defaultStatePath(env: NodeJS.ProcessEnv): string {
  const folder = (process.platform === 'win32' ? env.APPDATA : env.XDG_CONFIG_HOME) || join(homedir(), '.config');
  return join(folder, 'stationmaster-agent', 'state.json');
}

/** @throws {Failure} when the file cannot be read, or holds something else */
export async function readState(path: string): Promise<State> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}';
    throw new Failure(EXIT_CODE.badConfiguration, `The state file ${path} cannot be read (${error.code}).`);
  });
  const state = parse(text);
  if (state) return state;
  throw new Failure(EXIT_CODE.badConfiguration, `The state file ${path} holds no keys. Delete it to enroll again.`);
}

/**
 * Writes another file and renames it, so that a killed agent leaves no half of one. Only its owner may read it.
 * @throws {Failure} when it cannot be written
 */
export async function writeState(path: string, state: State): Promise<void> {
  const draft = `${path}.${randomUUID()}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    await writeFile(draft, `${JSON.stringify(state, null, 2)}\n`, { flag: 'wx', mode: 0o600 });
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true }).catch(() => {});
    const { code } = error as NodeJS.ErrnoException;
    throw new Failure(EXIT_CODE.cannotCreate, `The state file ${path} cannot be written (${code}).`);
  }
}

function parse(text: string): State | null {
  try {
    const state: unknown = JSON.parse(text);
    const isState = typeof state === 'object' && state !== null && Object.values(state).every(isCredentials);
    return isState ? (state as State) : null;
  } catch {
    return null;
  }
}

function isCredentials(value: unknown): value is Credentials {
  const { workstationId, key } = Object(value) as Partial<Record<string, unknown>>;
  return typeof workstationId === 'string' && typeof key === 'string';
}
