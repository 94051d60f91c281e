import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';

/* What operators put in front of PostgreSQL, as far as it makes a difference to who connects. */

export const CERTIFICATES = new URL('./certificates/', import.meta.url).pathname;

export interface FrontOptions {
  /** Whether it speaks TLS, with a certificate for `localhost` that no public authority has signed. */
  readonly hasTls?: boolean;
  /** Whether it turns away those who do not, as `hostssl` in pg_hba.conf does. */
  readonly needsTls?: boolean;
  /** Startup parameters that it refuses, as PgBouncer does. */
  readonly refuses?: readonly string[];
}

export interface Front {
  readonly port: number;
  /** How many sessions were let in, with TLS and without. */
  readonly sessions: { encrypted: number; plain: number };
  close(): Promise<void>;
}

/** Asks for TLS: a length of 8 and a number that is no version (PostgreSQL, "SSL Session Encryption"). */
const TLS_REQUEST = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);

/** Stands in front of the PostgreSQL of `url`. */
export async function startFront(url: string, options: FrontOptions = {}): Promise<Front> {
  const { hostname, port } = new URL(url);
  const sessions = { encrypted: 0, plain: 0 };
  const sockets = new Set<Duplex>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    socket.once('data', (first) => {
      if (!first.equals(TLS_REQUEST)) return begin(socket, first, false);
      if (!options.hasTls) {
        socket.write('N');
        socket.once('data', (startup) => begin(socket, startup, false));
        return;
      }
      const [key, cert] = ['server.key', 'server.crt'].map((name) => readFileSync(CERTIFICATES + name));
      socket.write('S');
      const secured = new TLSSocket(socket, { isServer: true, key: key!, cert: cert! });
      secured.on('error', () => {}).once('data', (startup: Buffer) => begin(secured, startup, true));
    });
  });
  function begin(client: Duplex, startup: Buffer, isEncrypted: boolean): void {
    const refused = options.refuses?.find((name) => startup.includes(`${name}\0`));
    if (refused) return void client.end(refusal('08P01', `unsupported startup parameter: ${refused}`));
    if (options.needsTls && !isEncrypted) {
      return void client.end(refusal('28000', 'no pg_hba.conf entry for host "127.0.0.1", no encryption'));
    }
    sessions[isEncrypted ? 'encrypted' : 'plain']++;
    const database: Socket = connect(Number(port || 5432), hostname);
    sockets.add(database);
    database.write(startup);
    client.pipe(database).pipe(client);
    for (const end of [client, database]) {
      end.on('error', () => {});
      end.on('close', () => {
        client.destroy();
        database.destroy();
      });
    }
  }
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    sessions,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

function refusal(code: string, message: string): Buffer {
  const fields = Buffer.from(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`);
  const head = Buffer.alloc(5);
  head.write('E');
  head.writeInt32BE(fields.length + 4, 1);
  return Buffer.concat([head, fields]);
}
