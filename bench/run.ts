import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { Client } from 'pg';
import type { Baseline, Bench, Report, Workload } from './bench.ts';
import { allDropped, type Fleet, withFleet } from './database.ts';
import { LoadGenerator } from './load-generator.ts';
import { preparePeers } from './prepare-peers.ts';
import { asText, commitInWords, writeReport } from './report.ts';
import { type Contender, PEERS, SUBSCRIPTION_PEERS } from './servers.ts';
import { WORKLOADS } from './workloads/index.ts';

const USAGE = `Compares this server with others on the same rows, and checks the goals.

  npm run bench -- [--only hot-list,cold-list] [--peers mercurius,yoga | none]
                   [--seconds 4] [--rounds 3] [--connections 64] [--report bench] [--baseline ../before]

  --only      workloads: ${WORKLOADS.map(({ name }) => name).join(', ')}
  --peers     ${namesOfPeers().join(', ')}
  --baseline  a folder with another checkout of this project, built: both builds take turns in every round of most
              workloads, and the goal is 0.97 of its throughput
  --report    the folder for report.md and report.svg; none for no report

It creates a database on the PostgreSQL of DATABASE_URL (default postgres://postgres@127.0.0.1:5432/), and drops it at
the end.`;

const WORKSTATIONS = 10_000;

interface Choice {
  readonly workloads: readonly Workload[];
  readonly peers: readonly Contender[];
  readonly subscriptionPeers: readonly Contender[];
  readonly seconds: number;
  readonly rounds: number;
  readonly connections: number;
  readonly reportFolder: string | null;
  readonly baseline: string | null;
}

async function run(): Promise<void> {
  const choice = readArguments();
  if (!choice) return console.log(USAGE);
  preparePeers();
  const load = new LoadGenerator();
  try {
    await withFleets(choice.baseline, async (fleet, baseline) => {
      const { workloads, reportFolder, baseline: _folder, ...settings } = choice;
      const bench: Bench = { ...settings, fleet, baseline, load, progress: console.log };
      const reports: Report[] = [];
      for (const workload of workloads) {
        console.log(`\n${workload.name}`);
        const report = await workload.run(bench).catch((error) => failureOf(workload, error));
        console.log(asText(report));
        reports.push(report);
      }
      if (!reportFolder) return;
      await writeReport(reportFolder, reports, {
        ...settings,
        postgresql: await versionOf(fleet.url),
        commit: commitInWords(),
      });
      console.log(`\nWritten to ${reportFolder}: report.md, report.svg`);
    });
  } finally {
    load.stop();
  }
}

/** A fleet for this build and, where there is one, for the baseline, whose schema may be older. */
function withFleets(folder: string | null, work: (fleet: Fleet, baseline: Baseline | null) => Promise<void>) {
  return withFleet(WORKSTATIONS, (fleet) => {
    if (folder === null) return work(fleet, null);
    return withFleet(WORKSTATIONS, (own) => work(fleet, { folder, fleet: own }), folder);
  });
}

/** A failed workload fails the run as a whole, but the other workloads are still measured. */
function failureOf({ name }: Workload, error: Error): Report {
  process.exitCode = 1;
  console.error(error);
  const method = `**Failed:** ${error.message.split('\n')[0]}`;
  return { name, title: name, method, columns: [], rows: [], verdicts: [] };
}

/** Returns `null` for `--help`. @throws {TypeError} for an unknown option or value */
function readArguments(): Choice | null {
  const text = (value: string) => ({ type: 'string', default: value }) as const;
  const { values } = parseArgs({
    options: {
      only: text(''),
      peers: text(''),
      seconds: text('4'),
      rounds: text('3'),
      connections: text('64'),
      report: text('bench'),
      baseline: text(''),
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const [seconds, rounds, connections] = [values.seconds, values.rounds, values.connections].map((value) => {
    if (!(Number(value) > 0)) throw new TypeError(`${value} is not a number above 0.`);
    return Number(value);
  }) as [number, number, number];
  return {
    workloads: choose('workload', WORKLOADS, values.only),
    ...choosePeers(values.peers),
    seconds,
    rounds,
    connections,
    baseline: baselineFolder(values.baseline),
    reportFolder: values.report === 'none' ? null : values.report,
  };
}

function namesOfPeers(): string[] {
  return [...new Set([...PEERS, ...SUBSCRIPTION_PEERS].map(({ name }) => name))];
}

/** @throws {TypeError} for an unknown name */
function choosePeers(names: string): Pick<Choice, 'peers' | 'subscriptionPeers'> {
  const known = namesOfPeers().map((name) => ({ name }));
  const chosen = new Set(names === 'none' ? [] : choose('peer', known, names).map(({ name }) => name));
  const isChosen = ({ name }: Contender) => chosen.has(name);
  return { peers: PEERS.filter(isChosen), subscriptionPeers: SUBSCRIPTION_PEERS.filter(isChosen) };
}

/** @throws {TypeError} when nothing built is there */
function baselineFolder(folder: string): string | null {
  if (folder === '') return null;
  if (!existsSync(`${folder}/dist/src/main.js`))
    throw new TypeError(`${folder} holds no build: run npm run build there.`);
  return folder;
}

/** The named ones, or all if no name is given. */
function choose<Named extends { readonly name: string }>(
  kind: string,
  all: readonly Named[],
  names: string,
): readonly Named[] {
  if (names === '') return all;
  return names.split(',').map((name) => {
    const chosen = all.find((one) => one.name === name);
    if (!chosen) throw new TypeError(`There is no ${kind} "${name}".`);
    return chosen;
  });
}

async function versionOf(url: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ server_version: string }>('show server_version');
  await client.end();
  return rows[0]!.server_version.split(' ')[0]!;
}

run().catch(async (error) => {
  console.error(error instanceof TypeError ? `${error.message}\n\n${USAGE}` : error);
  await allDropped();
  // An interrupted run may have work in progress; it is not awaited.
  process.exit(1);
});
