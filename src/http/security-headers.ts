import type { FastifyReply } from 'fastify';

/*
 * What browsers are told beyond the answer, after the defaults of helmet. Written down here, because they never change, and
 * because answers to programs need none of them but the first.
 */

/** An answer is what its content type says, whatever it may look like. */
const NO_SNIFFING = ['x-content-type-options', 'nosniff'] as const;

/** The one page there is, Apollo Sandbox, names its sources itself. What only a header can say is who may frame it. */
const FOR_PAGES = [
  ['content-security-policy', "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'"],
  ['cross-origin-opener-policy', 'same-origin-allow-popups'],
  ['origin-agent-cluster', '?1'],
  ['referrer-policy', 'no-referrer'],
  ['x-dns-prefetch-control', 'off'],
  ['x-frame-options', 'DENY'],
  ['x-permitted-cross-domain-policies', 'none'],
] as const;

/** For answers that somebody opened in a browser: a document of data has no business but to be looked at. */
const FOR_DATA = [['content-security-policy', "default-src 'none'; frame-ancestors 'none'"]] as const;

/** Sets the headers of an answer whose content type is known. Programs, which do not navigate, are spared most. */
export function setSecurityHeaders(reply: FastifyReply, isNavigation: boolean): void {
  reply.header(...NO_SNIFFING);
  const isPage = String(reply.getHeader('content-type')).startsWith('text/html');
  if (isPage) for (const [name, value] of FOR_PAGES) reply.header(name, value);
  else if (isNavigation) for (const [name, value] of FOR_DATA) reply.header(name, value);
}
