import type { Bench, Report, Workload } from '../bench.ts';
import type { Fleet } from '../database.ts';
import type { Traffic } from '../load-plan.ts';
import { median } from '../median.ts';
import { type Documents, documentsFor } from '../queries.ts';
import { type Entrant, type Figures, measureInRounds } from '../rounds.ts';
import {
  baselineOf,
  type Contender,
  FLOOR,
  FLOORS,
  NGINX,
  STATIONMASTER,
  STATIONMASTER_COLD,
  STATIONMASTER_FULL,
} from '../servers.ts';
import { levelWithBaseline, notTheLimit, type Verdict } from '../verdict.ts';

/** A workload that sends the same kind of traffic to every server for some seconds. */
export interface SteadyWorkload {
  readonly name: string;
  readonly title: string;
  readonly asks: string;
  readonly caches: keyof typeof METHODS;
  /** Default: the benchmark's own number, or with cold caches 8. */
  readonly connections?: number;
  /** `false` if prepared bytes cannot answer the requests. Default: `true`. */
  readonly hasFloor?: boolean;
  readonly traffic: (documents: Documents, fleet: Fleet) => Traffic;
  readonly judge: (standings: Standings) => readonly Verdict[];
}

/** More would only queue: every server has one event loop and ten connections to the database. */
export const COLD_CONNECTIONS = 8;

const METHODS = {
  hot: 'Hot: caches are on, and every request was sent once before.',
  cold:
    'Cold: every request finds Stationmaster’s caches empty; it looks everything up, loads it and stores it. ' +
    'The caches of a request go with it. With full caches, every request finds them full of other values; ' +
    'what it asks for evicts some of them, and what comes along with a list is not stored. ' +
    'The peers run without their caches. Statements stay prepared for all servers.',
  written: 'The peers run without their caches.',
};

/** Those of our servers that take part, the judged one first. */
const OWN = {
  hot: [STATIONMASTER],
  cold: [STATIONMASTER_COLD, STATIONMASTER_FULL],
  written: [STATIONMASTER],
};

export function steadyWorkload(spec: SteadyWorkload): Workload {
  return { name: spec.name, run: (bench) => run(spec, bench) };
}

async function run(spec: SteadyWorkload, bench: Bench): Promise<Report> {
  const { caches, traffic, hasFloor = true } = spec;
  const { connections = caches === 'cold' ? COLD_CONNECTIONS : bench.connections } = spec;
  const isHot = caches === 'hot';
  const [own, ...others] = OWN[caches];
  const contenders = [
    own!,
    ...(bench.baseline === null ? [] : [baselineOf(own!, bench.baseline.folder)]),
    ...others,
    ...bench.peers.filter(({ isCaching }) => isHot || !isCaching),
    ...(hasFloor ? FLOORS.filter((floor) => isHot || floor === FLOOR) : []),
  ];
  const entrants = contenders.map(
    (contender): Entrant => ({
      label: contender.title,
      contender,
      fleet: fleetOf(bench, contender),
      connections,
      traffic: traffic(documentsFor(contender.dialect), fleetOf(bench, contender)),
    }),
  );
  const standings = new Standings(contenders, await measureInRounds(bench, entrants));
  const canBeStale = entrants[0]!.traffic.kind === 'reads and writes';
  return {
    name: spec.name,
    title: spec.title,
    method: `${spec.asks} ${METHODS[caches]}`,
    columns: canBeStale ? [...COLUMNS, 'stale answers'] : COLUMNS,
    rows: standings.all.map(({ contender, figures }) => {
      const row = rowOf(contender, figures, standings.floor);
      return canBeStale ? [...row, figures.staleAnswers] : row;
    }),
    chart: {
      bars: standings.all.map(({ contender, figures }) => ({
        label: contender.title,
        value: figures.requestsPerSecond,
        isPeer: !isOwn(contender),
      })),
    },
    verdicts: [
      ...spec.judge(standings),
      notTheLimit('the load generator', standings.generatorPercent),
      ...(bench.baseline === null ? [] : [levelWithBaseline(standings.ofBaseline)]),
    ],
  };
}

function fleetOf({ baseline, fleet }: Bench, { name }: Contender): Fleet {
  return name === 'baseline' ? baseline!.fleet : fleet;
}

const COLUMNS = [
  'server',
  'requests/s',
  'of the floor',
  'p50 ms',
  'p99 ms',
  'server CPU ms per 1,000',
  'SQL per request',
  'peak MB',
  'generator busy %',
];

function rowOf({ title }: Contender, figures: Figures, floor: Figures | null) {
  return [
    title,
    Math.round(figures.requestsPerSecond),
    floor && round(figures.requestsPerSecond / floor.requestsPerSecond, 3),
    round(figures.p50Ms, 2),
    round(figures.p99Ms, 2),
    round(figures.cpuMsPer1000, 1),
    round(figures.statementsPerRequest, 3),
    Math.round(figures.peakMegabytes),
    Math.round(figures.generatorPercent),
  ];
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

/** Ours, and the floors. */
const NO_PEERS: readonly Contender[] = [STATIONMASTER, STATIONMASTER_COLD, STATIONMASTER_FULL, ...FLOORS];

function isOwn(contender: Contender): boolean {
  return NO_PEERS.includes(contender) || contender.name === 'baseline';
}

/** The throughput of `one` as a multiple of `other`: the median over the rounds. */
export function ratioOf(one: Figures, other: Figures): number {
  const rates = other.requestsPerSecondOfRounds;
  return median(one.requestsPerSecondOfRounds.map((rate, round) => rate / rates[round]!));
}

/** All participants with their figures. */
export class Standings {
  readonly all: readonly { readonly contender: Contender; readonly figures: Figures }[];

  constructor(contenders: readonly Contender[], figures: readonly Figures[]) {
    this.all = contenders.map((contender, index) => ({ contender, figures: figures[index]! }));
  }

  get own(): Figures {
    return this.all[0]!.figures;
  }

  get floor(): Figures | null {
    return this.all.find(({ contender }) => contender === FLOOR)?.figures ?? null;
  }

  /**
   * Our requests per second as a multiple of the baseline's: the median over the rounds, in each of which both take a
   * turn. `null` without a baseline.
   */
  get ofBaseline(): number | null {
    const baseline = this.all.find(({ contender }) => contender.name === 'baseline')?.figures;
    return baseline ? ratioOf(this.own, baseline) : null;
  }

  /** Our requests per second with full caches, as a share of those with empty ones; `null` unless both were measured. */
  get withFullCaches(): number | null {
    const full = this.all.find(({ contender }) => contender === STATIONMASTER_FULL)?.figures;
    return full ? ratioOf(full, this.own) : null;
  }

  /** Our requests per second as a multiple of the floor's; `null` without a floor. */
  get ofFloor(): number | null {
    return this.floor && this.own.requestsPerSecond / this.floor.requestsPerSecond;
  }

  /** Our requests per second as a multiple of nginx's; `null` where it is not installed. */
  get ofNginx(): number | null {
    const nginx = this.all.find(({ contender }) => contender === NGINX)?.figures;
    return nginx ? ratioOf(this.own, nginx) : null;
  }

  /** The highest of all rows: at 100 the generator was the limit, and the row says nothing about its server. */
  get generatorPercent(): number {
    return Math.max(...this.all.map(({ figures }) => figures.generatorPercent));
  }

  /** Our requests per second as a multiple of the best counted peer's; `null` if none took part. */
  overBest(counts: (contender: Contender, figures: Figures) => boolean = () => true): number | null {
    const rates = this.all
      .filter(({ contender, figures }) => !isOwn(contender) && counts(contender, figures))
      .map(({ figures }) => figures.requestsPerSecond);
    return rates.length === 0 ? null : this.own.requestsPerSecond / Math.max(...rates);
  }
}
