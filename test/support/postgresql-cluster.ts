import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { findFreePort } from './server-process.ts';

/* PostgreSQL servers of a test's own, for what cannot be done to one that others use, such as a failover. */

const run = promisify(execFile);

export interface PostgresqlCluster {
  readonly port: number;
  /** The superuser's URL of its database `postgres`. */
  readonly url: string;
  /** A standby that applies what it receives so many seconds later. */
  createStandby(delaySeconds: number): Promise<PostgresqlCluster>;
  /** Makes a primary of a standby. */
  promote(): Promise<void>;
  /** Stops it in good order: a standby that follows it has received everything then. */
  stop(): Promise<void>;
  /** Stops it and removes its files. */
  destroy(): Promise<void>;
}

/** What tests run: to make servers, and to copy what is in them. */
const PROGRAMS = ['initdb', 'pg_ctl', 'pg_basebackup', 'pg_dump', 'pg_restore'];

/**
 * Where the programs are of the server that tests run on, or `null` where not all of them are. `POSTGRESQL_BIN` names a folder
 * of another version than the machine's own.
 */
export async function findPostgresqlPrograms(): Promise<string | null> {
  const own = process.env.POSTGRESQL_BIN;
  for (const folder of own ? [own] : ['/usr/lib/postgresql/15/bin', '/usr/local/bin', '/usr/bin']) {
    const isThere = (program: string) =>
      run(join(folder, program), ['--version']).then(
        () => true,
        () => false,
      );
    if ((await Promise.all(PROGRAMS.map(isThere))).every(Boolean)) return folder;
  }
  return null;
}

/**
 * Starts an empty primary. Durability is off: its data lives as long as the test.
 * @param settings of the server and its standbys, by name
 */
export async function createCluster(
  programs: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<PostgresqlCluster> {
  const as = await findUser();
  const folder = await createFolder(as);
  // Whatever the locale of the environment is.
  const locale = ['-E', 'UTF8', '--locale=C.UTF-8'];
  await run(join(programs, 'initdb'), ['-D', folder, '-U', 'postgres', '-A', 'trust', '-N', ...locale], {
    ...as,
    cwd: '/',
  });
  const given = Object.entries(settings).map(([name, value]) => `-c ${name}=${value}`);
  return start(programs, folder, as, given);
}

/** What a server needs whose log is decoded, by many at once. */
export const DECODED = { wal_level: 'logical', max_replication_slots: '40', max_wal_senders: '40' };

interface User {
  readonly uid?: number;
  readonly gid?: number;
}

/** PostgreSQL refuses to run as root. */
async function findUser(): Promise<User> {
  if (process.getuid?.() !== 0) return {};
  const [uid, gid] = await Promise.all(
    ['-u', '-g'].map(async (which) => Number((await run('id', [which, 'nobody'])).stdout)),
  );
  return { uid: uid!, gid: gid! };
}

async function createFolder({ uid, gid }: User): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'stationmaster-cluster-'));
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
  return folder;
}

async function start(
  programs: string,
  folder: string,
  as: User,
  settings: readonly string[],
): Promise<PostgresqlCluster> {
  const port = await findFreePort();
  const control = (...command: string[]) =>
    run(join(programs, 'pg_ctl'), ['-D', folder, ...command], { ...as, cwd: '/' });
  const options = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off ${settings.join(' ')}`;
  await control('start', '-w', '-l', join(folder, 'log'), '-o', options);
  const pid = Number((await readFile(join(folder, 'postmaster.pid'), 'utf8')).split('\n', 1)[0]);
  const guard = startGuard(pid, folder);
  return {
    port,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    async createStandby(delaySeconds) {
      const copy = await createFolder(as);
      const from = ['-h', '127.0.0.1', '-p', String(port), '-U', 'postgres'];
      await run(join(programs, 'pg_basebackup'), [...from, '-D', copy, '-R', '-c', 'fast'], { ...as, cwd: '/' });
      return start(programs, copy, as, [...settings, `-c recovery_min_apply_delay=${delaySeconds}s`]);
    },
    promote: async () => void (await control('promote', '-w')),
    stop: async () => void (await control('stop', '-m', 'fast')),
    async destroy() {
      guard.kill();
      // It may have been stopped before.
      await control('stop', '-m', 'immediate').catch(() => {});
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * Ends the server and removes its files when this process ends without doing so, however that is: its end closes the pipe that
 * the guard reads. SIGQUIT means an immediate shutdown.
 */
function startGuard(pid: number, folder: string): ChildProcess {
  const script = 'cat; kill -QUIT "$1"; sleep 1; rm -rf "$2"';
  const guard = spawn('sh', ['-c', script, 'guard', String(pid), folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Out of reach of the signals that a terminal sends to this process and its children.
    detached: true,
  });
  guard.unref();
  (guard.stdin as Socket).unref();
  return guard;
}
