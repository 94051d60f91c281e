/*
 * Formats values that arrive in PostgreSQL's binary format. Doing it here relieves PostgreSQL, which otherwise spends a
 * quarter of its time for a page on formatting ids and addresses.
 */

export const UUID_BYTES = 16;
/** The length of a UUID in bytes (RFC 9562, section 4). */
const UUID_GROUPS = [4, 2, 2, 2, 6];
/** The position of each byte's digits; hyphens fill the gaps. */
const UUID_PLACES = Uint8Array.from(
  UUID_GROUPS.flatMap((bytes, group) => new Array<number>(bytes).fill(group)).map((group, byte) => 2 * byte + group),
);
const UUID_TEXT = Buffer.from('-'.repeat(2 * UUID_BYTES + UUID_GROUPS.length - 1));
const DIGITS = Buffer.from('0123456789abcdef');

export function writeUuid(bytes: Buffer, from: number): string {
  for (let index = 0; index < UUID_BYTES; index++) {
    const byte = bytes[from + index]!;
    const place = UUID_PLACES[index]!;
    UUID_TEXT[place] = DIGITS[byte >> 4]!;
    UUID_TEXT[place + 1] = DIGITS[byte & 15]!;
  }
  return UUID_TEXT.toString('latin1');
}

const IPV4_BYTES = 4;
const IPV6_GROUPS = 8;
const IP_TEXT = Buffer.alloc('ffff:'.length * IPV6_GROUPS);
const ZERO = '0'.charCodeAt(0);
const DOT = '.'.charCodeAt(0);
const COLON = ':'.charCodeAt(0);

/** Formats an IPv4 or IPv6 address like PostgreSQL's `host()`. */
export function writeIp(bytes: Buffer, from: number, to: number): string {
  const end = to - from === IPV4_BYTES ? writeIPv4(bytes, from, 0) : writeIPv6(bytes, from);
  return IP_TEXT.toString('latin1', 0, end);
}

/** @returns the end of the text that began at `start` */
function writeIPv4(bytes: Buffer, from: number, start: number): number {
  let end = start;
  for (let index = 0; index < IPV4_BYTES; index++) {
    const byte = bytes[from + index]!;
    if (index > 0) IP_TEXT[end++] = DOT;
    if (byte >= 100) IP_TEXT[end++] = ZERO + Math.trunc(byte / 100);
    if (byte >= 10) IP_TEXT[end++] = ZERO + (Math.trunc(byte / 10) % 10);
    IP_TEXT[end++] = ZERO + (byte % 10);
  }
  return end;
}

/**
 * Follows PostgreSQL's `inet_net_ntop.c`: the longest run of two or more zero groups becomes `::`, the first one if several
 * are equally long. An embedded IPv4 address (RFC 4291, section 2.5.5) is written in dotted form.
 * @returns the end of the text
 */
function writeIPv6(bytes: Buffer, from: number): number {
  const group = (index: number) => (bytes[from + 2 * index]! << 8) | bytes[from + 2 * index + 1]!;
  const { start, length } = longestZeros(group);
  const embedsIPv4 = start === 0 && (length === 6 || (length === 5 && group(5) === 0xffff));
  let end = 0;
  for (let index = 0; index < IPV6_GROUPS; index++) {
    if (index > 0) IP_TEXT[end++] = COLON;
    if (length > 1 && index === start) {
      // The next group writes the second colon of `::`. A run at the start or end of the address writes its own.
      if (index === 0) IP_TEXT[end++] = COLON;
      index += length - 1;
      if (index === IPV6_GROUPS - 1) IP_TEXT[end++] = COLON;
      continue;
    }
    if (index === 6 && embedsIPv4) return writeIPv4(bytes, from + 12, end);
    end = writeHex(group(index), end);
  }
  return end;
}

/** Writes a group without leading zeros. */
function writeHex(group: number, start: number): number {
  let end = start;
  for (let shift = 12; shift >= 0; shift -= 4) {
    const digit = (group >> shift) & 15;
    if (digit > 0 || end > start || shift === 0) IP_TEXT[end++] = DIGITS[digit]!;
  }
  return end;
}

function longestZeros(group: (index: number) => number): { readonly start: number; readonly length: number } {
  let longest = { start: 0, length: 0 };
  for (let start = 0; start < IPV6_GROUPS; start++) {
    let end = start;
    while (end < IPV6_GROUPS && group(end) === 0) end++;
    if (end - start > longest.length) longest = { start, length: end - start };
  }
  return longest;
}
