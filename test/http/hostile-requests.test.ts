import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { type StubServer, startStubServer, stopStubServers } from '../support/stub-server.ts';

let server: StubServer;
/** Every request has a second to arrive. */
let impatient: StubServer;

beforeAll(async () => {
  // Of a body without end this machine may read little at a time.
  server = await startStubServer({ config: { requestTimeoutSeconds: 600 } });
  impatient = await startStubServer({ config: { requestTimeoutSeconds: 1 } });
});

afterAll(stopStubServers);

const HEAD = 'POST /graphql HTTP/1.1\r\nHost: stationmaster\r\nContent-Type: application/json\r\n';

/** A connection whose end reports everything received, no matter how it ends. */
function open({ url } = server): { socket: Socket; ended: Promise<string> } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  let received = '';
  socket.on('data', (data) => {
    received += data;
  });
  socket.on('error', () => {});
  const ended = new Promise<string>((resolve) => socket.once('close', () => resolve(received)));
  return { socket, ended };
}

function expectRefusal(received: string, statusCode: number) {
  const [head = '', body = ''] = received.split('\r\n\r\n');
  expect(head).toMatch(new RegExp(`^HTTP/1.1 ${statusCode} `));
  expect(head.toLowerCase()).toContain('content-type: application/json; charset=utf-8');
  expect(JSON.parse(body)).toEqual({
    errors: [{ message: expect.any(String), extensions: { code: 'BAD_USER_INPUT' } }],
  });
}

/** Sends a character at intervals, to look alive. */
function drip(socket: Socket, character: string): void {
  const timer = setInterval(() => socket.write(character), 100);
  socket.once('close', () => clearInterval(timer));
}

describe('a request that never arrives completely is answered with 408:', () => {
  const SLOW: readonly (readonly [what: string, beginning: string, character: string])[] = [
    ['one that never begins', '', ''],
    ['a head that stops', HEAD, ''],
    ['a head that drips', `${HEAD}X-Padding: `, 'x'],
    ['a body that stops', `${HEAD}Content-Length: 1000\r\n\r\n{"query":`, ''],
    ['a body that drips', `${HEAD}Content-Length: 1000\r\n\r\n{"query":`, ' '],
    ['a body in chunks that drips', `${HEAD}Transfer-Encoding: chunked\r\n\r\n`, '1\r\n \r\n'],
  ];

  // All at once, because each takes the whole time limit.
  const answers = new Map<string, Promise<string>>();
  let crowd: Promise<string>[];

  beforeAll(() => {
    for (const [what, beginning, character] of SLOW) {
      const { ended, socket } = open(impatient);
      socket.write(beginning);
      if (character !== '') drip(socket, character);
      answers.set(what, ended);
    }
    crowd = Array.from({ length: 200 }, () => {
      const { ended, socket } = open(impatient);
      socket.write(HEAD);
      return ended;
    });
  });

  test('two hundred of them do not delay other clients', async () => {
    expect(await (await impatient.post('{ hello }')).json()).toEqual({ data: { hello: 'Hello anonymous' } });
    for (const received of await Promise.all(crowd)) expectRefusal(received, 408);
  });

  test.each(SLOW)('%s', async (what) => expectRefusal(await answers.get(what)!, 408));
});

describe('a body without end', () => {
  const MIB = 1024 * 1024;
  const CHUNK = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(MIB, ' '), Buffer.from('\r\n')]);

  setFlagsFromString('--expose-gc');
  const collectGarbage = runInNewContext('gc') as () => void;

  function usedBytes(): number {
    collectGarbage();
    const { arrayBuffers, heapUsed } = process.memoryUsage();
    return arrayBuffers + heapUsed;
  }

  test('is answered with 413 and cut, and its memory is released', async () => {
    const before = usedBytes();
    let mostUsed = 0;
    let sent = 0;
    await Promise.all(
      Array.from({ length: 8 }, async () => {
        const { ended, socket } = open();
        socket.write(`${HEAD}Transfer-Encoding: chunked\r\n\r\n`);
        while (!socket.destroyed) {
          sent += CHUNK.length;
          if (!socket.write(CHUNK)) await Promise.race([once(socket, 'drain').catch(() => {}), ended]);
          // Each look collects garbage, which takes long on a busy machine.
          if (sent % (8 * CHUNK.length) === 0) mostUsed = Math.max(mostUsed, usedBytes() - before);
        }
        expectRefusal(await ended, 413);
      }),
    );
    const figures = {
      'sent, MiB': sent / MIB,
      'held at most, MiB': mostUsed / MIB,
      'held after, MiB': (usedBytes() - before) / MIB,
    };
    // biome-ignore lint/suspicious/noConsole: the figures are for docs/security.md
    if (process.env.FIGURES) console.table(figures);
    expect(sent).toBeGreaterThan(8 * MIB);
    // Each connection may hold a body of the allowed size and a chunk in flight.
    expect(mostUsed).toBeLessThan(32 * MIB);
    expect(usedBytes() - before).toBeLessThan(16 * MIB);
  });

  test('is refused by its declared length, before it is sent', async () => {
    const { ended, socket } = open();
    socket.write(`${HEAD}Content-Length: 999999999999\r\n\r\n`);
    expectRefusal(await ended, 413);
  });
});

describe('a malformed request is refused:', () => {
  test.each([
    ['something else than HTTP', 'SSH-2.0-OpenSSH_9.9\r\n\r\n', 400],
    ['a method that is none', 'HELLO /graphql HTTP/1.1\r\nHost: x\r\n\r\n', 400],
    ['two lengths', `${HEAD}Content-Length: 5\r\nContent-Length: 6\r\n\r\n`, 400],
    [
      'a length and chunks, as smugglers send it',
      `${HEAD}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n`,
      400,
    ],
    ['a chunk of no length', `${HEAD}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
    ['headers over 16 KiB', `${HEAD}X-Padding: ${'x'.repeat(17 * 1024)}\r\n\r\n`, 431],
    ['an extension of a chunk over 16 KiB', `${HEAD}Transfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(17 * 1024)}`, 413],
  ])('%s', async (_what, text, statusCode) => {
    const { ended, socket } = open();
    socket.write(text);
    expectRefusal(await ended, statusCode);
  });
});
