import { request as httpRequest } from 'node:http';
import type { Bench, Report, Workload } from '../bench.ts';
import { body, documentsFor } from '../queries.ts';
import { type Entrant, measureInRounds } from '../rounds.ts';
import { STATIONMASTER, startServer } from '../servers.ts';
import { atMost } from '../verdict.ts';

const ENCODINGS = ['identity', 'gzip', 'br', 'zstd'] as const;

export const compression: Workload = { name: 'compression', run };

/** The answer is compressed once and kept so: what is measured is the sending. */
async function run(bench: Bench): Promise<Report> {
  const request = body(documentsFor('stationmaster').list);
  const entrants = ENCODINGS.map((encoding): Entrant => {
    const traffic = { kind: 'reads', requests: [request], order: 'in turn', encoding } as const;
    return { label: encoding, contender: STATIONMASTER, fleet: bench.fleet, traffic };
  });
  const sizes = await sizesOf(bench, request);
  const all = await measureInRounds(bench, entrants);
  const [plain, ...compressed] = all.map(({ cpuMsPer1000 }) => cpuMsPer1000);
  return {
    name: 'compression',
    title: 'Compression',
    method: 'The hot list, asked for with each `Accept-Encoding`.',
    columns: ['encoding', 'bytes', 'requests/s', 'server CPU ms per 1,000'],
    rows: all.map(({ cpuMsPer1000, requestsPerSecond }, index) => [
      entrants[index]!.label,
      sizes[index]!,
      Math.round(requestsPerSecond),
      Number(cpuMsPer1000.toFixed(1)),
    ]),
    verdicts: [
      atMost('the smallest at most a quarter of the bytes', Math.min(...sizes) / sizes[0]!, 0.25),
      atMost('no encoding more than 1.1 times the CPU of none', Math.max(...compressed) / plain!, 1.1),
    ],
  };
}

async function sizesOf({ fleet }: Bench, request: string): Promise<number[]> {
  const server = await startServer(STATIONMASTER, { databaseUrl: fleet.url });
  try {
    const sizes: number[] = [];
    for (const encoding of ENCODINGS) {
      // What is kept is compressed better than the first answer.
      for (let again = 0; again < 20; again++) await sizeOf(`${server.url}/graphql`, request, encoding);
      sizes.push(await sizeOf(`${server.url}/graphql`, request, encoding));
    }
    return sizes;
  } finally {
    await server.stop();
  }
}

/** `fetch` would tell the size after decoding. */
function sizeOf(url: string, sent: string, encoding: string): Promise<number> {
  const headers = { 'content-type': 'application/json', accept: 'application/json', 'accept-encoding': encoding };
  return new Promise((resolve, reject) => {
    const sending = httpRequest(url, { method: 'POST', headers }, async (answer) => {
      let bytes = 0;
      for await (const piece of answer) bytes += (piece as Buffer).length;
      resolve(bytes);
    });
    sending.on('error', reject).end(sent);
  });
}
