import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/**
 * Starts a proxy that can fall silent without closing a connection, like a network with a cut cable.
 *
 * `isCut` is called with everything a client sends. Once it returns true, nothing passes on that connection any more.
 */
export async function createTcpProxy(target: { host: string; port: number }, isCut: (sent: Buffer) => boolean) {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target);
    let passes = true;
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => {});
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
        sockets.delete(socket);
      });
    }
    client.on('data', (bytes) => {
      passes &&= !isCut(bytes);
      if (passes) upstream.write(bytes);
    });
    upstream.on('data', (bytes) => {
      if (passes) client.write(bytes);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    async close(): Promise<void> {
      server.close();
      for (const socket of sockets) socket.destroy();
      await once(server, 'close');
    },
  };
}
