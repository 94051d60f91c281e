import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { startStubServer, stopStubServers } from '../support/stub-server.ts';

/* How long a connection without a request stays open: KEEP_ALIVE_SECONDS. */

afterEach(stopStubServers);

const BODY = '{"query":"{ hello }"}';
const REQUESTS = {
  'the fast path': `POST /graphql HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${BODY.length}\r\n\r\n${BODY}`,
  'the parser': 'GET /livez HTTP/1.1\r\nhost: x\r\n\r\n',
};

/** Sends one request after the other on one connection, with a pause between them; resolves with the status lines. */
async function ask(url: string, requests: readonly string[], pauseMs: number): Promise<string[]> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  const statuses: string[] = [];
  socket.on('error', () => {});
  for (const request of requests) {
    if (statuses.length > 0) await sleep(pauseMs);
    if (socket.destroyed || socket.readableEnded) break;
    socket.write(request);
    const heard = await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [''])]);
    statuses.push(String(heard[0]).split('\r\n', 1)[0]!);
  }
  socket.destroy();
  return statuses;
}

test.each(Object.entries(REQUESTS))('%s closes it after that time', async (_lane, request) => {
  const { url } = await startStubServer({ config: { keepAliveSeconds: 1 } });
  // Node allows for a second on the way.
  const [first, second] = await ask(url, [request, request], 3000);
  expect(first).toBe('HTTP/1.1 200 OK');
  expect(second ?? '').toBe('');
});

test.each(Object.entries(REQUESTS))('%s keeps it open until then', async (_lane, request) => {
  const { url } = await startStubServer({ config: { keepAliveSeconds: 3600 } });
  expect(await ask(url, [request, request], 3000)).toEqual(['HTTP/1.1 200 OK', 'HTTP/1.1 200 OK']);
});
