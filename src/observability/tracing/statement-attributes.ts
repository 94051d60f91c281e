import type { Attributes } from '@opentelemetry/api';
import type { Config } from '../../config/config.ts';
import { readDatabaseUrl } from '../../config/database-url.ts';
import type { EndedStatement } from '../../database/statement-times.ts';

/** The name and the attributes of a statement's span. Values that are written in its text are not among them. */
export function describeStatement({ text, hasValues, count, error }: EndedStatement): {
  readonly name: string;
  readonly attributes: Attributes;
} {
  const { verb, table } = findTarget(text);
  const summary = table === undefined ? verb : `${verb} ${table}`;
  const name = count > 1 ? `BATCH ${summary}` : summary;
  const attributes: Attributes = {
    'db.system.name': 'postgresql',
    'db.operation.name': count > 1 ? `BATCH ${verb}` : verb,
    'db.query.summary': name,
    'db.collection.name': table,
    'db.query.text': hasValues ? undefined : text,
    'db.operation.batch.size': count > 1 ? count : undefined,
  };
  if (error !== null) Object.assign(attributes, describeError(error));
  return { name, attributes };
}

/** The attributes of all statements: where the database is, if it is a server. */
export function describeServer(database: Config['database']): Attributes {
  if (database.kind !== 'postgresql') return {};
  const { host, port, database: name, settings } = readDatabaseUrl(database.url);
  const schema = onlySchema(settings.search_path);
  return {
    // The name of a Unix socket contains the port.
    'server.address': host.startsWith('/') ? `${host}/.s.PGSQL.${port}` : host,
    'server.port': host.startsWith('/') ? undefined : port,
    'db.namespace': schema === undefined ? name : `${name}|${schema}`,
  };
}

/** Of several schemas, only the database knows which one exists. */
function onlySchema(searchPath = ''): string | undefined {
  const [, quoted, plain] = /^\s*(?:"((?:[^"]|"")+)"|([a-z_][\w]*))\s*$/i.exec(searchPath) ?? [];
  return quoted?.replaceAll('""', '"') ?? plain?.toLowerCase();
}

/** What a statement writes, `for update` left aside. It may stand within a WITH. */
const WRITTEN = /\b(insert)\s+into\s+"?(\w+)|(?<!\bfor\s+)\b(update)\s+"?(\w+)|\b(delete)\s+from\s+"?(\w+)/i;
/** What it reads; what stands before a parenthesis is a function. */
const READ = /\bfrom\s+"?(\w+)\b(?!"?\s*\()/i;
const FIRST_WORD = /^\s*(\w+)/;

function findTarget(text: string): { readonly verb: string; readonly table: string | undefined } {
  const [verb, table] =
    WRITTEN.exec(text)
      ?.slice(1)
      .filter((part) => part !== undefined) ?? [];
  if (verb !== undefined) return { verb: verb.toUpperCase(), table };
  const read = READ.exec(text)?.[1];
  return { verb: read ? 'SELECT' : (FIRST_WORD.exec(text)?.[1]?.toUpperCase() ?? 'QUERY'), table: read };
}

/** The code that PostgreSQL gives, or the system. Messages may contain values. */
function describeError(error: unknown): Attributes {
  const { code, name } = error as { readonly code?: unknown; readonly name?: unknown };
  const isSqlState = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code);
  return {
    'error.type': String(code ?? name ?? 'Error'),
    'db.response.status_code': isSqlState ? code : undefined,
  };
}
