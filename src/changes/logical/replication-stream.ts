import type { EventEmitter } from 'node:events';
import { escapeIdentifier } from 'pg';
import { DatabaseClient, type DatabaseClientConfig, type Target } from '../../database/connection/database-client.ts';
import { shareTurns } from '../shared-turns.ts';

export interface ReplicationStreamOptions {
  readonly target: Target;
  /** The name of a slot to create, of lower-case letters, digits and underscores. It is dropped when the connection ends. */
  readonly slot: string;
  readonly publication: string;
  /** One message of `pgoutput`. It must not be kept: its bytes are overwritten. */
  readonly onMessage: (message: Buffer) => void;
  /** Called once, when the stream ends. */
  readonly onLost: (reason: unknown) => void;
}

export interface ReplicationStream {
  /** Tells the server from all others, as `DatabaseClient.server`. */
  readonly server: string | undefined;
  /** Creates the slot. Resolves once the transactions that were writing before it have ended, however long that takes. */
  createSlot(): Promise<void>;
  /** Streams what is committed after the slot was created. Resolves when the stream has begun. */
  start(): Promise<void>;
  pause(): void;
  resume(): void;
  destroy(): void;
}

interface CopyConnection extends EventEmitter {
  sendCopyFromChunk(chunk: Buffer): void;
}

/** PostgreSQL counts microseconds from 2000-01-01. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
/** More often than the server gives up a silent client (`wal_sender_timeout`, 60 s), and soon enough to release its log. */
const STATUS_PERIOD_MS = 1000;
/** The header of a piece of the log: its kind, where it begins, where the log ends, and the time. */
const HEADER_BYTES = 25;

/** A client that speaks the streaming replication protocol, and SQL in simple queries. */
export function createReplicationClient(target: Target): DatabaseClient {
  return new DatabaseClient({ target, replication: 'database' } as DatabaseClientConfig);
}

/**
 * Opens a connection that speaks the streaming replication protocol.
 * @throws when it cannot be opened
 */
export async function openReplicationStream(options: ReplicationStreamOptions): Promise<ReplicationStream> {
  const { target, slot, publication, onMessage, onLost } = options;
  const client = createReplicationClient(target);
  const lost = Promise.withResolvers<never>();
  lost.promise.catch(onLost);
  client.on('error', lost.reject);
  client.on('end', () => lost.reject(new Error('The replication connection ended.')));
  await client.connect();
  const { connection } = client as unknown as { readonly connection: CopyConnection };
  let received = 0n;
  // Nothing is ever sent a second time: the slot ends with the connection. So what was received need not be kept.
  const confirm = () => connection.sendCopyFromChunk(statusUpdate(received));
  const onWorked = shareTurns(() => client.stream);
  connection.on('copyData', ({ chunk }: { readonly chunk: Buffer }) => {
    const isLog = chunk[0] === LOG;
    const at = chunk.readBigUInt64BE(1);
    if (at > received) received = at;
    if (!isLog) {
      if (chunk[0] === KEEPALIVE && chunk[17] === 1) confirm();
      return;
    }
    try {
      onMessage(chunk.subarray(HEADER_BYTES));
    } catch (error) {
      lost.reject(error);
    }
    onWorked();
  });
  let timer: NodeJS.Timeout | undefined;
  return {
    server: client.server,
    async createSlot() {
      const created = client.query(`CREATE_REPLICATION_SLOT ${slot} TEMPORARY LOGICAL pgoutput NOEXPORT_SNAPSHOT`);
      await Promise.race([created, lost.promise]);
    },
    async start() {
      const begun = new Promise<void>((resolve) => connection.once('replicationStart', () => resolve()));
      const names = escapeIdentifier(publication).replaceAll("'", "''");
      const ended = client.query(
        `START_REPLICATION SLOT ${slot} LOGICAL 0/0 (proto_version '1', messages 'true', publication_names '${names}')`,
      );
      ended.then(() => lost.reject(new Error('The server ended the replication stream.')), lost.reject);
      await Promise.race([begun, lost.promise]);
      timer = setInterval(confirm, STATUS_PERIOD_MS).unref();
    },
    pause: () => void client.stream.pause(),
    resume: () => void client.stream.resume(),
    destroy() {
      clearInterval(timer);
      client.destroy();
    },
  };
}

const LOG = 'w'.charCodeAt(0);
const KEEPALIVE = 'k'.charCodeAt(0);

/** Says up to where the log was written, flushed and applied. */
function statusUpdate(position: bigint): Buffer {
  const message = Buffer.alloc(34);
  message.write('r', 0, 'latin1');
  for (const offset of [1, 9, 17]) message.writeBigUInt64BE(position, offset);
  message.writeBigInt64BE(BigInt(Math.round((Date.now() - EPOCH_MS) * 1000)), 25);
  return message;
}
