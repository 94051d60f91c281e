import type { Fields, ReadPart } from './history.ts';
import { hasSamePlace, matches } from './judge-lists.ts';
import { fieldsOf, lastInvokedBefore, type Row } from './rows.ts';

/*
 * Between two turns no row changes, as far as is known. A history has hundreds of thousands of turns, and most of them
 * concern only a few of the parts of an answer.
 */

/** What is read of several rows. */
type SetPart = Exclude<ReadPart, { kind: 'record' }>;

/** A time at which a write was invoked or answered, so that the possible states of a row changed. */
export interface Turn {
  readonly atMs: number;
  readonly row: Row;
  /** The states that were possible before it or are possible after it: from the first one to the last one. */
  readonly first: number;
  readonly last: number;
}

/** The turns of some rows, each time in the order of their times. */
export interface Turns {
  readonly all: readonly Turn[];
  of(row: Row): readonly Turn[];
}

export function findTurns(rows: readonly Row[]): Turns {
  const byRow = new Map(rows.map((row) => [row, turnsOf(row)]));
  return { all: inOrder([...byRow.values()].flat()), of: (row) => byRow.get(row) ?? [] };
}

function turnsOf(row: Row): Turn[] {
  const { states } = row;
  const turns = states.flatMap(({ invokedAtMs, answeredAtMs, outcome }, index): Turn[] => {
    const first = lastAnswered(row, index - 1);
    const invoked = { atMs: invokedAtMs, row, first, last: index };
    if (outcome !== 'ok') return [invoked];
    return [invoked, { atMs: answeredAtMs!, row, first, last: lastInvokedBefore(states, answeredAtMs!) }];
  });
  return inOrder(turns);
}

function inOrder(turns: Turn[]): Turn[] {
  return turns.sort((a, b) => a.atMs - b.atMs);
}

function lastAnswered({ states }: Row, index: number): number {
  let last = index;
  while (last >= 0 && states[last]!.outcome !== 'ok') last--;
  return last;
}

/** Whether a turn can make a wrong list, count or summary right, or a right one wrong. */
export function concerns({ row, first, last }: Turn, part: SetPart): boolean {
  const isSame = samenessOf(part);
  const before = fieldsOf(row, first);
  let isDifferent = false;
  let isMember = false;
  for (let index = first; index <= last; index++) {
    const fields = fieldsOf(row, index);
    if (fields !== null && matches(part.query, fields)) isMember = true;
    if (!isSame(before, fields)) isDifferent = true;
  }
  return isMember && isDifferent;
}

/** Whether a part looks the same with one state of a row and with another. */
function samenessOf(part: SetPart): (a: Fields | null, b: Fields | null) => boolean {
  const { query } = part;
  const isMember = (fields: Fields | null) => fields !== null && matches(query, fields);
  // Its figures are of all columns.
  if (part.kind === 'summary') return (a, b) => a === b;
  if (!part.page) return (a, b) => isMember(a) === isMember(b);
  return (a, b) => isMember(a) === isMember(b) && hasSamePlace(query, a, b);
}
