import type { Duplex } from 'node:stream';

let corked: Duplex[] = [];

/** What is written to a corked connection leaves in one write, when the current turn of the event loop ends. */
export function corkForTurn(connection: Duplex): void {
  if (connection.writableCorked > 0) return;
  connection.cork();
  corked.push(connection);
  if (corked.length === 1) process.nextTick(uncork);
}

function uncork(): void {
  const connections = corked;
  corked = [];
  for (const connection of connections) connection.uncork();
}
