import { once } from 'node:events';
import { connect } from 'node:net';
import { bytesInUse } from '../support/heap.ts';
import { RawSocket } from '../support/raw-socket.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

/** `SOCKET_CHURN=10000 npm test -- test/websocket/sockets-churn` takes a few minutes. */
const CONNECTS = Number(process.env.SOCKET_CHURN ?? 500);
const AT_A_TIME = 25;
const MIB = 1024 * 1024;
const UPGRADE = `${[
  'GET /graphql HTTP/1.1',
  'Host: 127.0.0.1',
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Protocol: graphql-transport-ws',
].join('\r\n')}\r\n\r\n`;
const CHANGES = 'subscription ($ids: [ID!]) { workstationChanged(ids: $ids) { id workstation { name } } }';

let testApp: TestApp;
let authorization: string;

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 1 } });
  authorization = `Bearer ${await testApp.token('VIEWER')}`;
});

afterAll(() => testApp.close());

/** Stages of a connection at which it is cut off. */
const ABORTS: (() => Promise<void>)[] = [
  async function beforeTheUpgradeIsAnswered() {
    const connection = connect(Number(new URL(testApp.app.url).port), '127.0.0.1');
    await once(connection, 'connect');
    connection.end(UPGRADE, () => connection.destroy());
    await once(connection, 'close');
  },
  async function beforeAWordIsSaid() {
    cut(await RawSocket.open(testApp.app.url));
  },
  async function beforeTheAcknowledgement() {
    const socket = await RawSocket.open(testApp.app.url);
    socket.send({ type: 'connection_init', payload: { authorization } });
    cut(socket);
  },
  async function withSubscriptionsOnTheirWay() {
    const socket = await initialized();
    for (const id of ['a', 'b']) socket.subscribe(id, CHANGES);
    cut(socket);
  },
  async function amongEvents() {
    const socket = await initialized();
    socket.subscribe('a', CHANGES);
    // A subscription with an execution of its own.
    socket.subscribe('b', CHANGES, { ids: ['0190a000-0000-7000-8000-000000000000'] });
    socket.subscribe('c', '{ __typename }');
    await socket.next();
    await testApp.sql('update workstation set cpu_usage = random() * 100');
    cut(socket);
  },
  async function politely() {
    const socket = await initialized();
    socket.subscribe('a', CHANGES);
    socket.socket.close(1000);
    await socket.closed;
  },
];

async function initialized(): Promise<RawSocket> {
  const socket = await RawSocket.open(testApp.app.url);
  await socket.initialize({ authorization });
  return socket;
}

function cut({ socket }: RawSocket): void {
  socket.terminate();
}

async function churn(connects: number): Promise<void> {
  for (let made = 0; made < connects; made += AT_A_TIME) {
    await Promise.all(Array.from({ length: AT_A_TIME }, (_, index) => ABORTS[(made + index) % ABORTS.length]!()));
  }
  // The server notices a little later.
  await idle();
}

async function idle(): Promise<void> {
  const figures = '{ performanceMetrics { websockets { activeConnections activeSubscriptions } } }';
  for (;;) {
    const { activeConnections, activeSubscriptions } = (await testApp.ask(figures)).data.performanceMetrics.websockets;
    if (activeConnections === 0 && activeSubscriptions === 0) return;
  }
}

test(
  `${CONNECTS} connects and aborts leave nothing behind`,
  async () => {
    const followers = testApp.app.feed.followers;
    // Creates what is created once and stays: code, prepared statements, keys.
    await churn(100);
    const before = await bytesInUse();
    await churn(CONNECTS);
    expect(testApp.app.feed.followers).toBe(followers);
    expect((await bytesInUse()) - before).toBeLessThan(3 * MIB);
  },
  300_000 + CONNECTS * 200,
);
