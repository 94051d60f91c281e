import { isIPv4, isIPv6 } from 'node:net';
import { writeIp } from '../../database/read/value-texts.ts';

/** A network of IPv4 or IPv6 addresses. Addresses of one family are in no network of the other, as in PostgreSQL. */
export interface Network {
  /** Its first address: 4 or 16 bytes. */
  readonly bytes: Buffer;
  readonly prefixLength: number;
  /** Whether the text named another address of it than the first. */
  readonly hasHostBits: boolean;
}

/** Reads `10.0.0.0/8`, `2001:db8::/32` or a single address; `null`: it is none of these. */
export function parseNetwork(text: string): Network | null {
  const [, address, prefix] = /^([^/]+)(?:\/(0|[1-9]\d{0,2}))?$/.exec(text) ?? [];
  const given = address === undefined ? null : parseAddress(address);
  if (!given) return null;
  const bits = 8 * given.length;
  const prefixLength = prefix === undefined ? bits : Number(prefix);
  if (prefixLength > bits) return null;
  const bytes = given.map((byte, index) => byte & maskOf(prefixLength, index));
  return { bytes: Buffer.from(bytes), prefixLength, hasHostBits: !given.equals(bytes) };
}

/** The one text for equal networks. */
export function writeNetwork({ bytes, prefixLength }: Network): string {
  return `${writeIp(bytes, 0, bytes.length)}/${prefixLength}`;
}

export function isInNetworks(address: string, networks: readonly Network[]): boolean {
  const bytes = parseAddress(address);
  return bytes !== null && networks.some((network) => holds(network, bytes));
}

function holds({ bytes, prefixLength }: Network, address: Buffer): boolean {
  if (bytes.length !== address.length) return false;
  const length = Math.ceil(prefixLength / 8);
  for (let index = 0; index < length; index++) {
    if ((address[index]! & maskOf(prefixLength, index)) !== bytes[index]) return false;
  }
  return true;
}

/** Which bits of the byte at `index` tell the network. */
function maskOf(prefixLength: number, index: number): number {
  const bits = Math.min(8, Math.max(0, prefixLength - 8 * index));
  return (0xff << (8 - bits)) & 0xff;
}

function parseAddress(text: string): Buffer | null {
  if (isIPv4(text)) return Buffer.from(text.split('.').map(Number));
  // Node accepts a zone, such as fe80::1%eth0, which is no part of an address.
  return isIPv6(text) && !text.includes('%') ? parseIPv6(text) : null;
}

function parseIPv6(text: string): Buffer {
  const [front, back] = text.split('::').map(bytesOfGroups);
  const zeros = new Array<number>(16 - front!.length - (back?.length ?? 0)).fill(0);
  return Buffer.from([...front!, ...zeros, ...(back ?? [])]);
}

/** Of groups between colons, the last of which may be an IPv4 address. */
function bytesOfGroups(text: string): number[] {
  if (text === '') return [];
  return text.split(':').flatMap((group) => {
    if (group.includes('.')) return group.split('.').map(Number);
    const value = Number.parseInt(group, 16);
    return [value >> 8, value & 0xff];
  });
}
