import { SABOTAGES, type SabotageName } from './sabotage.ts';
import { simulate } from './simulate.ts';
import type { Violation } from './violation.ts';

/** Reads in a chapter: enough for dozens of faults, few enough to replay in seconds. */
const CHAPTER_READS = 50_000;
/** What is broken on purpose shows early, if the climate lets it show. */
const SABOTAGED_CHAPTER_READS = 5000;

export interface ChapterOptions {
  readonly seed: number;
  readonly reads: number;
  readonly sabotage?: SabotageName;
  /** Asked after each chapter. */
  readonly isOver?: () => boolean;
  readonly onChapter?: (totals: Totals) => void;
}

/** What all chapters did. */
export interface Totals {
  reads: number;
  writes: number;
  faults: number;
  virtualSeconds: number;
  chapters: number;
  /** The seed of the last chapter, and the reads that replay it. */
  lastSeed: number;
  lastReads: number;
  violation: Violation | null;
  /** Equal for equal runs. */
  digest: string;
}

/**
 * Runs simulations one after the other until one finds a violation or there are enough reads. The first has the given seed,
 * so that a later one is replayed by its own; each has its own climate.
 */
export async function runChapters({
  seed,
  reads,
  sabotage = 'none',
  isOver,
  onChapter,
}: ChapterOptions): Promise<Totals> {
  const totals: Totals = {
    reads: 0,
    writes: 0,
    faults: 0,
    virtualSeconds: 0,
    chapters: 0,
    lastSeed: seed,
    lastReads: 0,
    violation: null,
    digest: '',
  };
  const chapterReads = sabotage === 'none' ? CHAPTER_READS : SABOTAGED_CHAPTER_READS;
  let next = seed;
  while (totals.reads < reads && !totals.violation && !isOver?.()) {
    totals.lastSeed = next;
    totals.lastReads = Math.min(chapterReads, reads - totals.reads);
    const outcome = await simulate({ seed: next, reads: totals.lastReads, sabotage: SABOTAGES[sabotage] });
    totals.reads += outcome.reads;
    totals.writes += outcome.writes;
    totals.faults += outcome.faults;
    totals.virtualSeconds += outcome.virtualSeconds;
    totals.chapters += 1;
    totals.violation = outcome.violation;
    totals.digest = `${totals.digest.slice(-56)}${outcome.digest}`;
    onChapter?.(totals);
    next = (Math.imul(next, 0x9e3779b1) + 0x85ebca6b) >>> 0;
  }
  return totals;
}
