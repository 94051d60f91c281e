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

/** Whether what an address reports is believed. @param hop 0 is the peer, 1 the address that it reports, and so on */
export type ProxyTrust = (address: string, hop: number) => boolean;

export function createProxyTrust(trustProxy: Config['trustProxy']): ProxyTrust {
  if (typeof trustProxy === 'number') return (_address, hop) => hop < trustProxy;
  return proxyAddr.compile([...trustProxy]);
}

export function createAddressReader(trustProxy: Config['trustProxy']): AddressReader {
  if (trustProxy === 0) return ({ socket }) => socket.remoteAddress ?? '';
  const trust = createProxyTrust(trustProxy);
  return (source) => proxyAddr(source as IncomingMessage, trust) ?? '';
}
