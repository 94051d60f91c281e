import { parseArgs } from 'node:util';
import { resolveAuth } from '../auth/development-secret.ts';
import { ROLES, type Role } from '../auth/identity.ts';
import { signToken } from '../auth/tokens.ts';
import { type Config, ConfigError, loadConfig, loadEnvFileIfPresent } from '../config/config.ts';

const USAGE = `Usage: npm run --silent token -- --role ROLE [--role ROLE]… [--expires DURATION] [--subject NAME]

Prints a signed token for "Authorization: Bearer <token>".

  --role ROLE          ${ROLES.join(', ')}; may be given several times
  --expires DURATION   90s, 15m, 1h, 30d; at most 3650d (default 1h)
  --subject NAME       the subject of the token (default cli)
  --help               this text
`;

const EXIT_USAGE = 64;
const EXIT_CONFIG = 78;

/** The output and exit code of the command. Exit codes are those of sysexits.h: 64 usage, 78 configuration. */
export interface CommandResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command without touching the process. `args` are the arguments after the script's name. */
export async function runTokenCommand(args: string[], env: NodeJS.ProcessEnv): Promise<CommandResult> {
  try {
    const request = parseRequest(args);
    if (request === 'help') return { exitCode: 0, stdout: USAGE, stderr: '' };
    return { exitCode: 0, stdout: `${await issueToken(request, loadConfig(env))}\n`, stderr: '' };
  } catch (error) {
    if (error instanceof UsageError) return fail(EXIT_USAGE, `${error.message}\n\n${USAGE}`);
    if (error instanceof ConfigError) return fail(EXIT_CONFIG, `${error.message}\n`);
    throw error;
  }
}

/** Returns the seconds of a duration such as `90s`, `15m`, `1h` or `30d`, or `null` unless it is 1 s to 3650 days. */
export function parseDurationSeconds(text: string): number | null {
  const [, count, unit] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  if (count === undefined || unit === undefined) return null;
  const seconds = Number(count) * SECONDS_PER_UNIT[unit as keyof typeof SECONDS_PER_UNIT];
  return seconds >= 1 && seconds <= MAX_DURATION_SECONDS ? seconds : null;
}

const SECONDS_PER_UNIT = { s: 1, m: 60, h: 3600, d: 86_400 };
const MAX_DURATION_SECONDS = 3650 * SECONDS_PER_UNIT.d;

class UsageError extends Error {}

interface TokenRequest {
  readonly roles: readonly Role[];
  readonly subject: string;
  readonly expiresInSeconds: number;
}

function parseRequest(args: string[]): TokenRequest | 'help' {
  const { help, role = [], expires, subject } = parseFlags(args);
  if (help) return 'help';
  if (role.length === 0) throw new UsageError('--role is missing.');
  const expiresInSeconds = parseDurationSeconds(expires);
  if (expiresInSeconds === null) {
    throw new UsageError(
      `--expires must be like 90s, 15m, 1h or 30d, at most 3650d, but is ${JSON.stringify(expires)}.`,
    );
  }
  return { roles: role.map(parseRole), subject, expiresInSeconds };
}

function parseFlags(args: string[]) {
  try {
    const { values } = parseArgs({
      args,
      options: {
        role: { type: 'string', multiple: true },
        expires: { type: 'string', default: '1h' },
        subject: { type: 'string', default: 'cli' },
        help: { type: 'boolean', default: false },
      },
    });
    return values;
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

function parseRole(text: string): Role {
  const role = ROLES.find((known) => known === text.toUpperCase());
  if (role === undefined)
    throw new UsageError(`--role must be one of ${ROLES.join(', ')}, but is ${JSON.stringify(text)}.`);
  return role;
}

async function issueToken(request: TokenRequest, config: Config): Promise<string> {
  const { secret, issuer, audience } = await resolveAuth(config);
  if (secret === undefined) {
    throw new ConfigError(['Tokens are issued elsewhere (AUTH_JWKS_URL is set), so none can be signed here.']);
  }
  return signToken({ ...request, secret, issuer, audience });
}

function fail(exitCode: number, stderr: string): CommandResult {
  return { exitCode, stdout: '', stderr };
}

if (import.meta.main) {
  loadEnvFileIfPresent();
  const { exitCode, stdout, stderr } = await runTokenCommand(process.argv.slice(2), process.env);
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = exitCode;
}
