import type { IncomingMessage } from 'node:http';
import proxyAddr from '@fastify/proxy-addr';
import type { Config } from '../config/config.ts';

/** What tells where a request comes from. */
export interface RequestSource {
  readonly headers: IncomingMessage['headers'];
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** Finds a request's address: the peer's, or what the trusted proxies in between report. */
export type AddressReader = (source: RequestSource) => string;

export function createAddressReader(trustProxy: Config['trustProxy']): AddressReader {
  if (trustProxy === 0) return ({ socket }) => socket.remoteAddress ?? '';
  const trust =
    typeof trustProxy === 'number'
      ? (_address: string, hop: number) => hop < trustProxy
      : proxyAddr.compile([...trustProxy]);
  return (source) => proxyAddr(source as IncomingMessage, trust) ?? '';
}
