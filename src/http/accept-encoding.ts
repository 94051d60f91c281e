import { LRUCache } from 'lru-cache';
import Negotiator from 'negotiator';
import { CODINGS, type Coding } from '../operations/content-coding.ts';

const IDENTITY = 'identity';
/** Clients repeat their headers, and parsing one takes longer than finding it. */
const known = new LRUCache<string, Coding | typeof IDENTITY>({ max: 100 });

/**
 * The coding to answer in, by the request's `Accept-Encoding`; `null`: as it is. A request that refuses even that, and takes
 * no coding offered here, is answered as it is: RFC 9110, section 12.5.3, leaves the choice between that and 406.
 */
export function chooseCoding(acceptEncoding: string | undefined): Coding | null {
  if (acceptEncoding === undefined) return null;
  let chosen = known.get(acceptEncoding);
  if (chosen === undefined) {
    chosen = negotiate(acceptEncoding);
    known.set(acceptEncoding, chosen);
  }
  return chosen === IDENTITY ? null : chosen;
}

function negotiate(acceptEncoding: string): Coding | typeof IDENTITY {
  const negotiator = new Negotiator({ headers: { 'accept-encoding': acceptEncoding } }) as unknown as Preferring;
  const chosen = negotiator.encoding([...CODINGS, IDENTITY], { preferred: CODINGS });
  return (chosen as Coding | typeof IDENTITY | undefined) ?? IDENTITY;
}

/** What its types lack. */
interface Preferring {
  encoding(available: readonly string[], options: { readonly preferred: readonly string[] }): string | undefined;
}

/** What a response in a coding says besides. */
export const CODING_HEADERS: Readonly<Record<Coding, Readonly<Record<string, string>>>> = {
  zstd: { 'content-encoding': 'zstd' },
  br: { 'content-encoding': 'br' },
  gzip: { 'content-encoding': 'gzip' },
};
