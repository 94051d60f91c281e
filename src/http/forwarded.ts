import type { IncomingHttpHeaders } from 'node:http';
import type { ProxyTrust, RequestSource } from './client-address.ts';

/** What a request says about the address that its sender used. */
export interface Forwarded {
  /** The names of the server, with or without a port. */
  readonly hosts: readonly string[];
  /** Whether a proxy says that the sender used https. */
  readonly isSecure: boolean;
}

export type ForwardedReader = (request: RequestSource) => Forwarded;

/** Reads `Host`, and from a trusted proxy also `X-Forwarded-Host`, `-Port`, `-Proto` and `Forwarded` (RFC 7239). */
export function createForwardedReader(isTrusted: ProxyTrust): ForwardedReader {
  return ({ headers, socket }) => {
    const own = headers.host === undefined ? [] : [headers.host];
    if (!isTrusted(socket.remoteAddress ?? '', 0)) return { hosts: own, isSecure: false };
    const hosts = [...own, ...listIn(headers, 'x-forwarded-host'), ...parametersIn(headers, 'host')];
    const ports = listIn(headers, 'x-forwarded-port');
    const withPorts = hosts
      .filter((host) => !HAS_PORT.test(host))
      .flatMap((host) => ports.map((port) => `${host}:${port}`));
    const protocols = [...listIn(headers, 'x-forwarded-proto'), ...parametersIn(headers, 'proto')];
    return { hosts: [...hosts, ...withPorts], isSecure: protocols.some((protocol) => /^(https|wss)$/i.test(protocol)) };
  };
}

const HAS_PORT = /:\d+$/;

/** The values of a header that proxies append to, or repeat. */
function listIn(headers: IncomingHttpHeaders, name: string): string[] {
  return String(headers[name] ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '');
}

/** The values of one parameter in `Forwarded`, as tokens or as quoted strings. */
function parametersIn({ forwarded }: IncomingHttpHeaders, name: 'host' | 'proto'): string[] {
  return [...String(forwarded ?? '').matchAll(PARAMETERS[name])].map(([, quoted, token]) => (quoted ?? token)!);
}

const PARAMETERS = {
  host: /(?:^|[;,])\s*host\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/gi,
  proto: /(?:^|[;,])\s*proto\s*=\s*(?:"([^"]*)"|([^\s;,"]+))/gi,
} as const;
