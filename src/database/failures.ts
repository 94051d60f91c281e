/** Why the database did not do what it was asked, where the same again may succeed. */
export type TransientFailure =
  /** It cannot be reached, or did not answer. */
  | 'unreachable'
  /** It answers, and cannot do this for anyone at the moment: it is full, it only reads, its disk fails. */
  | 'unable'
  /** Others hold or change the same rows. Nothing was written. */
  | 'contended';

/**
 * Tells from `error`, or from what caused it, whether the same request may succeed later; `null` when it would fail again.
 *
 * SQLSTATE codes are in appendix A of PostgreSQL's documentation. Of the classes that say so, single codes are left out
 * that are the fault of a statement.
 */
export function findTransientFailure(error: unknown, depth = 0): TransientFailure | null {
  if (!(error instanceof Error) || depth > DEEPEST_CAUSE) return null;
  const { code, syscall, cause, previous, errors } = error as Error &
    Record<'code' | 'syscall' | 'previous' | 'errors', unknown>;
  const failure = typeof code === 'string' ? explainCode(code, syscall, error.message) : null;
  if (failure) return failure;
  if (UNREACHABLE_MESSAGES.test(error.message)) return 'unreachable';
  // MikroORM keeps the driver's error in `previous`; Node gathers one error per address it tried in `errors`.
  for (const origin of [cause, previous, ...(Array.isArray(errors) ? errors : [])]) {
    const found = findTransientFailure(origin, depth + 1);
    if (found) return found;
  }
  return null;
}

const DEEPEST_CAUSE = 5;

/** Whether the same request may succeed later. */
export function isDatabaseUnavailable(error: unknown): boolean {
  return findTransientFailure(error) !== null;
}

/** Whether a start should wait for it to pass. A database that was closed to everyone is opened by its operator alone. */
export function isWorthWaiting(error: unknown): boolean {
  return isDatabaseUnavailable(error) && !/is not currently accepting connections$/.test((error as Error).message);
}

/** SQLSTATE read_only_sql_transaction: the server is a standby, or was made to only read. */
export const READ_ONLY = '25006';

function explainCode(code: string, syscall: unknown, message: string): TransientFailure | null {
  if (SYSTEM_CODES.has(code)) return 'unreachable';
  // The socket of a server that is not running.
  if (code === 'ENOENT') return syscall === 'connect' ? 'unreachable' : null;
  if (!SQLSTATE.test(code)) return null;
  // Poolers use it for whatever they have to say.
  if (code === '08P01' && PERMANENT_REFUSAL.test(message)) return null;
  if (UNABLE_CODES.has(code)) return 'unable';
  if (CONTENDED_CODES.has(code)) return 'contended';
  return CLASSES[code.slice(0, 2)] ?? null;
}

/** Five characters, of which system codes have no digit. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

const CLASSES: Readonly<Record<string, TransientFailure>> = {
  // Connection exceptions.
  '08': 'unreachable',
  // Transaction rollbacks: serialization failures, deadlocks.
  '40': 'contended',
  // Insufficient resources: disk full, out of memory.
  '53': 'unable',
  // Operator intervention: shut down, crashed, still starting, cancelled, out of time.
  '57': 'unreachable',
  // System errors: of the disk, for instance.
  '58': 'unable',
};

const UNABLE_CODES = new Set([
  READ_ONLY,
  '25P03', // idle in a transaction for too long
  '25P04', // the transaction took too long
  '55000', // the server is in another state: it recovers, or lets no one into this database
]);

const CONTENDED_CODES = new Set([
  '55006', // object in use
  '55P03', // lock not available
]);

/** What poolers and providers say of a client that they will never let in. */
export const PERMANENT_REFUSAL =
  /unsupported (startup parameter|startup option|frontend protocol)|no such (database|user)|(database|role) "[^"]*" does not exist|tenant or user not found|(SSL|TLS) (is )?required|authentication failed|is disabled/i;

const SYSTEM_CODES = new Set([
  ...['ECONNREFUSED', 'ECONNRESET', 'ECONNABORTED', 'EPIPE', 'ETIMEDOUT', 'ENOTCONN', 'ESHUTDOWN'],
  ...['EHOSTUNREACH', 'EHOSTDOWN', 'ENETUNREACH', 'ENETDOWN', 'ENETRESET', 'EADDRNOTAVAIL'],
  ...['ENOTFOUND', 'EAI_AGAIN', 'EAI_FAIL', 'EAI_NODATA', 'EAI_MEMORY'],
  // This process or machine has no room for another connection.
  ...['EMFILE', 'ENFILE', 'ENOBUFS', 'EAGAIN'],
  ...['ERR_STREAM_DESTROYED', 'ERR_STREAM_WRITE_AFTER_END', 'ERR_SOCKET_CLOSED', 'ERR_SOCKET_CONNECTION_TIMEOUT'],
]);

/** pg gives these no code. */
const UNREACHABLE_MESSAGES =
  /^(timeout exceeded when trying to connect|timeout expired|Connection terminated|Client has encountered a connection error|Client was closed|Query read timeout|Cannot use a pool after calling end)/;

/**
 * Whether the session once ran a trigger for columns that have other types by now. PostgreSQL never plans the trigger anew, so
 * the session can write no more to that table.
 */
export function hasOutdatedPlan({ message }: { readonly message?: string }): boolean {
  return OUTDATED_PLAN.test(message ?? '');
}

const OUTDATED_PLAN = /type of parameter \d+ \(.*\) does not match that when preparing the plan/;

/** Codes by which PostgreSQL says that it undid everything, because of what others did meanwhile. */
const UNDONE = new Set(['40001', '40P01', '55P03']);

/** Whether nothing was written and the same may succeed at once, or over another connection. */
export function isUndone(error: unknown): boolean {
  const { code = '', previous } = error as { code?: unknown; previous?: unknown };
  if (typeof code === 'string' && UNDONE.has(code)) return true;
  if (error instanceof Error && hasOutdatedPlan(error)) return true;
  return previous instanceof Error && isUndone(previous);
}

/** The innermost reason, in a few words. Node gathers one error per address it tried, and leaves the message empty. */
export function describeCause(error: unknown): string {
  const { message, code, errors } = error as Error & { code?: string; errors?: unknown[] };
  return message || (errors?.length ? describeCause(errors[0]) : (code ?? 'for an unknown reason'));
}
