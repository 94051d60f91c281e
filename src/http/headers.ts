import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { LRUCache } from 'lru-cache';
import type { OriginRules } from './origins.ts';

/*
 * Every response header that does not depend on the operation, for the fast path and for Fastify. What depends on it
 * comes with an `HttpResponse`, and replaces a header of the same name.
 */

const NOT_STORED = 'private, no-store';

/** The headers of a response that is stale: no client may store it, not even privately. */
export const STALE_HEADERS = { 'cache-control': 'no-store' } as const;

/**
 * The headers of a response to a GET that clients may store: for themselves, and only to ask each time whether it has
 * changed, because it may change at any moment.
 */
export function reusableHeaders(etag: string): Readonly<Record<string, string>> {
  return { etag, 'cache-control': 'private, no-cache', vary: 'Origin, Authorization, Accept, Accept-Encoding' };
}

const EXPOSED_HEADERS =
  'allow, content-disposition, date, etag, retry-after, www-authenticate, x-position, x-request-id';

/** What no value of a preflight request may be longer than to be repeated in the response. */
const MAX_REFLECTED_LENGTH = 4096;

/** RFC 9110, section 5.6: names with commas between them. */
const TOKENS = /^[\t ]*[!#$%&'*+.^_`|~\w-]+[\t ]*(,[\t ]*[!#$%&'*+.^_`|~\w-]+[\t ]*)*$/;

/** For pages: Apollo Sandbox, which names its sources itself, and those of the console; after the defaults of helmet. */
const PAGE_HEADERS = {
  'content-security-policy': "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'",
  'cross-origin-opener-policy': 'same-origin-allow-popups',
  'origin-agent-cluster': '?1',
  'referrer-policy': 'no-referrer',
  'x-dns-prefetch-control': 'off',
  'x-frame-options': 'DENY',
  'x-permitted-cross-domain-policies': 'none',
} as const;

/** For data that is opened in a browser as if it were a page. */
const NAVIGATION_HEADERS = { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'" } as const;

type Headers = Readonly<Record<string, string>>;

/** The headers of all responses of one server. */
export class ResponseHeaders {
  readonly #origins: Pick<OriginRules, 'mayRead'>;
  readonly #known = new LRUCache<string, Headers>({ max: 100 });
  readonly #forNone: Headers;

  /** @param origins whose pages may read the responses */
  constructor(origins: Pick<OriginRules, 'mayRead'>) {
    this.#origins = origins;
    this.#forNone = {
      'x-content-type-options': 'nosniff',
      'cache-control': NOT_STORED,
      vary: 'Origin, Accept-Encoding',
      'access-control-expose-headers': EXPOSED_HEADERS,
    };
  }

  /** What every response has. The object is mostly the same one for equal origins. @param origin of the page that asks */
  common(origin: string | undefined): Headers {
    if (origin === undefined) return this.#forNone;
    let headers = this.#known.get(origin);
    if (!headers) {
      const isAllowed = this.#origins.mayRead(origin);
      headers = isAllowed ? { ...this.#forNone, 'access-control-allow-origin': origin } : this.#forNone;
      this.#known.set(origin, headers);
    }
    return headers;
  }

  /**
   * What the response to a preflight request (CORS), or to another `OPTIONS`, has besides. A page that may read the responses
   * may send what it wants: headers that mean nothing here, such as those of tracing, do no harm.
   */
  preflight({ headers }: { readonly headers: IncomingHttpHeaders }): Headers {
    const { origin, 'access-control-request-method': method } = headers;
    if (!origin || !method) return { allow: 'GET, HEAD, POST, OPTIONS' };
    const vary = 'Origin, Access-Control-Request-Method, Access-Control-Request-Headers';
    if (!this.#origins.mayRead(origin)) return { vary };
    const methods = METHODS.includes(method) || !isReflectable(method) ? METHODS : [...METHODS, method];
    const names = headers['access-control-request-headers'];
    return {
      vary,
      'access-control-allow-methods': methods.join(', '),
      ...(names !== undefined && isReflectable(names) && { 'access-control-allow-headers': names }),
      'access-control-max-age': '600',
    };
  }

  /** What a response has besides that a browser may show, unless it brings its own; `null` for one that goes to a program. */
  forBrowsers(request: IncomingHttpHeaders, contentType: string): Headers | null {
    if (contentType.startsWith('text/html')) return PAGE_HEADERS;
    return isNavigation(request) ? NAVIGATION_HEADERS : null;
  }
}

const METHODS: readonly string[] = ['GET', 'POST'];

function isReflectable(value: string): boolean {
  return value.length <= MAX_REFLECTED_LENGTH && TOKENS.test(value);
}

/** Whether somebody opened the address in a browser. Browsers that do not say so name HTML. */
export function isNavigation(headers: IncomingHttpHeaders): boolean {
  return headers['sec-fetch-mode'] === 'navigate' || headers.accept?.includes('text/html') === true;
}

/** The client's own id for a request where it is safe in a log and in a header; else a new one. */
export function requestIdOf({ headers }: { readonly headers: IncomingHttpHeaders }): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
