/* Messages of `pgoutput`, as PostgreSQL writes them ("Logical Replication Message Formats"). */

export type Value = string | null | undefined;

const int = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeUIntBE(value, 0, bytes);
  return buffer;
};
const int64 = (value: bigint) => {
  const buffer = Buffer.alloc(8);
  buffer.writeBigInt64BE(value);
  return buffer;
};
const name = (text: string) => Buffer.from(`${text}\0`);
const message = (kind: string, ...parts: Buffer[]) => Buffer.concat([Buffer.from(kind), ...parts]);

function tuple(values: readonly Value[]): Buffer {
  const parts = values.map((value) => {
    if (value === undefined) return Buffer.from('u');
    if (value === null) return Buffer.from('n');
    const text = Buffer.from(value);
    return Buffer.concat([Buffer.from('t'), int(text.length, 4), text]);
  });
  return Buffer.concat([int(values.length, 2), ...parts]);
}

/** @param sinceMs milliseconds since 2000-01-01 */
export const begin = (xid: number, sinceMs = 0) => message('B', int64(1n), int64(BigInt(sinceMs) * 1000n), int(xid, 4));
export const commit = () => message('C', int(0, 1), int64(1n), int64(2n), int64(3n));
export const relation = (relid: number, table: string, columns: Readonly<Record<string, number>>) =>
  message(
    'R',
    ...[int(relid, 4), name('public'), name(table), Buffer.from('f'), int(Object.keys(columns).length, 2)],
    ...Object.entries(columns).map(([column, type]) =>
      Buffer.concat([int(0, 1), name(column), int(type, 4), int(0xffffffff, 4)]),
    ),
  );
export const insert = (relid: number, after: readonly Value[]) =>
  message('I', int(relid, 4), Buffer.from('N'), tuple(after));
export const update = (relid: number, before: readonly Value[] | null, after: readonly Value[], marker = 'O') =>
  message('U', int(relid, 4), ...(before ? [Buffer.from(marker), tuple(before)] : []), Buffer.from('N'), tuple(after));
export const remove = (relid: number, before: readonly Value[], marker = 'O') =>
  message('D', int(relid, 4), Buffer.from(marker), tuple(before));
export const truncate = (...relids: number[]) =>
  message('T', int(relids.length, 4), int(0, 1), ...relids.map((relid) => int(relid, 4)));
export const sent = (prefix: string, content: string) =>
  message('M', int(1, 1), int64(9n), name(prefix), int(Buffer.byteLength(content), 4), Buffer.from(content));
