import { isIP } from 'node:net';
import { type DatabaseUrlError, readDatabaseUrl } from './database-url.ts';

/** A kind of value: how it is described in words, and how it is parsed. */
interface Kind<T> {
  /** Completes "NAME must be …". */
  readonly expected: string;
  /** Returns `null` if the text is not of this kind. */
  parse(text: string): T | null;
  /** Completes "but …" about a refused text. By default the text is quoted, so secrets need this. */
  describe?(text: string): string;
}

/** Reads the setting `name`: `fallback` if it is unset, empty or refused. */
export type ReadSetting = <T, const Fallback>(name: string, kind: Kind<T>, fallback: Fallback) => T | Fallback;

/** Creates a reader of the settings in `env`, and the list to which it adds a sentence for each refused setting. */
export function createSettingReader(env: NodeJS.ProcessEnv): { read: ReadSetting; problems: string[] } {
  const problems: string[] = [];
  const read: ReadSetting = (name, kind, fallback) => {
    const text = env[name];
    if (text === undefined || text === '') return fallback;
    const value = kind.parse(text);
    if (value !== null) return value;
    problems.push(`${name} must be ${kind.expected}, but ${(kind.describe ?? quote)(text)}.`);
    return fallback;
  };
  return { read, problems };
}

export function isSet(env: NodeJS.ProcessEnv, name: string): boolean {
  return env[name] !== undefined && env[name] !== '';
}

function quote(text: string): string {
  return `is ${JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text)}`;
}

export function oneOf<const T extends string>(...words: T[]): Kind<T> {
  return {
    expected: `one of ${words.join(', ')}`,
    parse: (text) => words.find((word) => word === text) ?? null,
  };
}

/** Accepts the word `none` for `undefined`, for settings whose default is something else. */
export function orNone<T>(kind: Kind<T>, none = 'none'): Kind<T | undefined> {
  return {
    ...kind,
    expected: `${kind.expected}, or ${none}`,
    parse: (text) => (text === none ? undefined : kind.parse(text)),
  };
}

export function wholeNumber(min: number, max: number): Kind<number> {
  return {
    expected: `a whole number from ${min} to ${max}`,
    parse: (text) => {
      const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
      return value >= min && value <= max ? value : null;
    },
  };
}

export function wholeNumberOrAuto(min: number, max: number, automatic: number): Kind<number> {
  const number = wholeNumber(min, max);
  return {
    expected: `${number.expected}, or auto`,
    parse: (text) => (text === 'auto' ? automatic : number.parse(text)),
  };
}

export function numberBetween(min: number, max: number): Kind<number> {
  return {
    expected: `a number from ${min} to ${max}`,
    parse: (text) =>
      /^\d{1,15}(\.\d{1,15})?$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : null,
  };
}

export const percentage: Kind<number> = {
  expected: 'a number from 0 to 100, such as 0.5',
  parse: (text) => (/^\d{1,3}(\.\d{1,6})?$/.test(text) && Number(text) <= 100 ? Number(text) : null),
};

export const onOff: Kind<boolean> = {
  expected: 'on or off',
  parse: (text) => (text === 'on' ? true : text === 'off' ? false : null),
};

export const trimmedText: Kind<string> = {
  expected: 'a text without blanks around it',
  parse: (text) => (text === text.trim() ? text : null),
};

export const hostName: Kind<string> = {
  expected: 'a host name or an IP address',
  parse: (text) => (isIP(text) !== 0 || /^[a-z0-9][a-z0-9.-]*$/i.test(text) ? text : null),
};

export const signingSecret: Kind<string> = {
  expected: 'at least 32 bytes long',
  parse: (text) => (Buffer.byteLength(text) >= 32 ? text : null),
  describe: (text) => `has ${Buffer.byteLength(text)}`,
};

export const postgresqlUrl: Kind<string> = {
  expected: 'a postgres:// or postgresql:// URL with its special characters percent-encoded',
  parse: (text) => (findUrlProblem(text) === null ? text : null),
  describe: (text) => findUrlProblem(text) ?? 'is not',
};

function findUrlProblem(text: string): string | null {
  try {
    readDatabaseUrl(text);
    return null;
  } catch (error) {
    return (error as DatabaseUrlError).message;
  }
}

export const redisUrl: Kind<string> = {
  expected: 'a redis:// or rediss:// URL with its special characters percent-encoded, such as redis://cache:6379/0',
  parse: (text) => {
    const url = URL.parse(text);
    // ioredis would read what follows a question mark as its own options.
    if (url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '' || url.search + url.hash !== '')
      return null;
    return /^\/?\d*$/.test(url.pathname) && isPercentEncoded(url.username + url.password) ? text : null;
  },
  describe: describeUrl,
};

export const secureUrl: Kind<string> = {
  expected: 'an https:// URL without a user name (http:// for a loopback host only)',
  parse: (text) => {
    const url = URL.parse(text);
    if (url === null || url.username !== '' || url.password !== '') return null;
    return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)) ? text : null;
  },
  describe: describeUrl,
};

export const webUrl: Kind<string> = {
  expected: 'an http:// or https:// URL',
  parse: (text) => (/^https?:$/.test(URL.parse(text)?.protocol ?? '') ? text : null),
  describe: describeUrl,
};

export const trustedProxies: Kind<number | readonly string[]> = {
  expected: 'how many proxies stand in front, or their addresses and networks such as 10.0.0.0/8, separated by commas',
  parse: (text) => {
    if (/^\d{1,2}$/.test(text)) return Number(text);
    const networks = text.split(',').map((part) => part.trim());
    return networks.every(isNetwork) ? networks : null;
  },
};

/** Accepts an address, an address with a prefix length, and the names of the networks that proxy-addr knows. */
function isNetwork(text: string): boolean {
  if (['loopback', 'linklocal', 'uniquelocal'].includes(text)) return true;
  const [address = '', length] = text.split('/', 2);
  const bits = { 4: 32, 6: 128 }[isIP(address)];
  return bits !== undefined && (length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= bits));
}

function isPercentEncoded(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** Whether a host of a URL is this machine itself. */
export function isLoopback(hostname: string): boolean {
  if (hostname === 'localhost' || hostname.endsWith('.localhost') || hostname === '[::1]') return true;
  return isIP(hostname) === 4 && hostname.startsWith('127.');
}

export const origins: Kind<readonly string[]> = {
  expected: 'origins such as https://app.example.com, without a path, separated by commas',
  parse: (text) => {
    const parts = text.split(',').map((part) => part.trim());
    const parsed = parts.filter((part) => part !== '').map(parseOrigin);
    return parsed.every((origin) => origin !== null) ? [...new Set(parsed)] : null;
  },
};

/** The origin as browsers write it; `null` for text that is none, or more than one. */
export function parseOrigin(text: string): string | null {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return null;
  return url.href === `${url.origin}/` ? url.origin : null;
}

/** Shows the scheme only: a mistyped URL may contain its password anywhere. */
function describeUrl(text: string): string {
  const scheme = /^[a-z]+:\/\//i.exec(text)?.[0];
  if (scheme === undefined) return 'does not begin with a scheme';
  return URL.canParse(text) ? `is another ${scheme} URL` : `is a ${scheme} URL that cannot be read`;
}
