import type { Config } from '../config/config.ts';
import { isLoopback, parseOrigin } from '../config/settings.ts';
import type { RequestSource } from './client-address.ts';
import type { ForwardedReader } from './forwarded.ts';

/** Decides which web pages may use the API, by the origin that browsers name: for CORS and for WebSockets alike. */
export interface OriginRules {
  /** Whether pages of `origin` may read responses. Pages of the server's own origin always may. */
  mayRead(origin: string): boolean;
  /**
   * Whether the sender may open a WebSocket. Pages may if `mayRead` allows their origin, or if it is the server's own, under
   * any host name in the request. Programs send no `Origin` and always may.
   */
  mayConnect(request: RequestSource): boolean;
}

export function createOriginRules(
  { corsOrigins, corsLoopback }: Pick<Config, 'corsOrigins' | 'corsLoopback'>,
  forwarded: ForwardedReader,
): OriginRules {
  const mayRead = (text: string) => {
    const origin = parseOrigin(text);
    if (origin === null) return false;
    return corsOrigins.includes(origin) || (corsLoopback && isLoopback(new URL(origin).hostname));
  };
  return {
    mayRead,
    mayConnect(request) {
      const { origin } = request.headers;
      if (origin === undefined || mayRead(origin)) return true;
      const url = parseOrigin(origin) === null ? null : new URL(origin);
      if (!url) return false;
      const { hosts, isSecure } = forwarded(request);
      // A proxy in between may have ended TLS without saying so, but not the other way round.
      if (isSecure && url.protocol !== 'https:') return false;
      return hosts.some((host) => hostOf(url.protocol, host) === url.host);
    },
  };
}

/** As it stands in an origin: in small letters, and without the port that is usual for the scheme. */
function hostOf(protocol: string, host: string): string | undefined {
  return /^[^\s/?#@\\]+$/.test(host) ? URL.parse(`${protocol}//${host}`)?.host : undefined;
}
