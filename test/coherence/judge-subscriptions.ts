import { type Case, findLie } from './case.ts';
import type { ChangeEvent, Resumption, Subscription, Write } from './history.ts';
import { allowedDelayMs, firstIndex, type Interval, isDuring, type Row, stateShownBy } from './rows.ts';
import { describeState, describeSubscription, describeWrite, lines, seconds } from './violations.ts';

/** Rows with longer texts are announced by id only and read for the event, which may then show a newer state. */
const ALWAYS_ANNOUNCED_LENGTH = 2000;
/** How late a subscription may still report a change that was answered before it opened or before a gap ended. */
const LATEST_NEWS_MS = 10_000;
/** Faults in which no instance loses its feed. */
const WITHOUT_GAPS = new Set(['stall-log', 'kill-redis', 'pause-redis']);

/**
 * A subscription reports every committed change once and in order, except changes in a gap, which ends with REFETCH.
 */
export function judgeSubscriptions(given: Case): void {
  for (const subscription of given.history.subscriptions) {
    if (subscription.events.length === 0) continue;
    const { places, unclear } = judgeEvents(subscription, given);
    judgeRefetches(subscription, places, given);
    judgeOrderAcrossRows(subscription, places, given);
    judgeCompleteness(subscription, places, unclear, given);
  }
}

/** The row and the change that an event reports. */
interface Place {
  readonly row: Row;
  readonly index: number;
  readonly event: ChangeEvent;
}

/** Each row's events report its changes one after the other. For `unclear` rows the reported change is ambiguous. */
function judgeEvents(subscription: Subscription, given: Case): { places: Place[]; unclear: Set<Row> } {
  const { rows, violations } = given;
  const last = new Map<Row, Place>();
  const places: Place[] = [];
  const unclear = new Set<Row>();
  let unbrokenSinceMs = subscription.openedAtMs;
  for (const event of subscription.events) {
    if (event.kind === 'REFETCH') {
      unbrokenSinceMs = event.atMs;
      // It may go on from before what it had told: on an instance that is behind.
      if (subscription.resumptions) last.clear();
      continue;
    }
    const row = rows.find(event.id, event.row?.fields);
    const before = row && last.get(row);
    const index = row && locate(event, row, before, unbrokenSinceMs);
    const lie = row && event.row ? findLie(row, event.row, event.atMs) : null;
    if (!row || index === undefined || lie) {
      violations.add(
        'never-written',
        event.atMs,
        `event ${event.id} ${event.row?.version} ${subscription.instance}`,
        () =>
          lines(
            `${describeSubscription(subscription)} told at ${seconds(event.atMs)} of ${lie ?? 'a change that never happened'}:`,
            JSON.stringify(event),
          ),
      );
      continue;
    }
    if (index === null) {
      unclear.add(row);
      continue;
    }
    if (before && index <= before.index) {
      violations.add('events-out-of-order', event.atMs, `${row.log.name} ${index} ${subscription.instance}`, () =>
        lines(
          `${describeSubscription(subscription)} told at ${seconds(event.atMs)} of ${row.log.name}: ${describeState(row, index)},`,
          `although it had told at ${seconds(before.event.atMs)} of ${describeState(row, before.index)}.`,
        ),
      );
    }
    last.set(row, { row, index, event });
    places.push({ row, index, event });
  }
  return { places, unclear };
}

/** The index of the state that an event reports; `null` if ambiguous, `undefined` if there is none. */
function locate(
  { kind, row: shown }: ChangeEvent,
  row: Row,
  last: Place | undefined,
  unbrokenSinceMs: number,
): number | null | undefined {
  const lastIndex = row.states.length - 1;
  if (kind === 'DELETED') return row.states[lastIndex]?.kind === 'delete' ? lastIndex : undefined;
  const index = shown ? stateShownBy(row, shown) : lastIndex;
  const before = last && last.event.atMs >= unbrokenSinceMs ? last : undefined;
  if (before && isTooBigToAnnounce(row, before.index + 1)) return Math.min(index, before.index + 1);
  if (!before && mayBeOfBigRow(row, index, unbrokenSinceMs)) return null;
  return shown ? index : undefined;
}

/** Whether an event that shows a state can be that of an earlier write, which was too big to be announced. */
function mayBeOfBigRow(row: Row, shownIndex: number, unbrokenSinceMs: number): boolean {
  for (let index = shownIndex; index >= 0; index--) {
    const { answeredAtMs } = row.states[index]!;
    // Those before it are older.
    if (answeredAtMs !== null && answeredAtMs + LATEST_NEWS_MS < unbrokenSinceMs) return false;
    if (isTooBigToAnnounce(row, index)) return true;
  }
  return false;
}

function isTooBigToAnnounce({ states }: Row, index: number): boolean {
  const isBig = (write: Write | undefined) =>
    Object.values(write?.fields ?? {}).some((value) => String(value).length > ALWAYS_ANNOUNCED_LENGTH);
  return isBig(states[index]) || isBig(states[index - 1]);
}

/** If one write was answered before another was invoked, their events arrive in that order. */
function judgeOrderAcrossRows(subscription: Subscription, places: readonly Place[], { violations }: Case): void {
  let latest: { write: Write; name: string } | null = null;
  const refetches = subscription.resumptions ? subscription.events.filter(({ kind }) => kind === 'REFETCH') : [];
  for (const { row, index, event } of places) {
    const write = row.states[index];
    if (!write) continue;
    for (; refetches.length > 0 && refetches[0]!.atMs <= event.atMs; refetches.shift()) latest = null;
    const before = latest;
    if (before && write.outcome === 'ok' && write.answeredAtMs! < before.write.invokedAtMs) {
      violations.add('events-out-of-order', event.atMs, `${row.log.name} ${index} ${subscription.instance}`, () =>
        lines(
          `${describeSubscription(subscription)} told at ${seconds(event.atMs)} of ${row.log.name}: ${describeWrite(write)},`,
          `although it had told before of ${before.name}: ${describeWrite(before.write)}.`,
        ),
      );
    }
    if (!before || write.invokedAtMs > before.write.invokedAtMs) latest = { write, name: row.log.name };
  }
}

/** A subscription that resumes is told to fetch again only by an instance that may not know its position. */
function judgeRefetches({ events, resumptions }: Subscription, places: readonly Place[], given: Case): void {
  if (!resumptions || given.bounds.changeFeed === 'mixed') return;
  const { history, bounds, violations } = given;
  const placeOf = new Map(places.map((place) => [place.event, place]));
  events.forEach((event, index) => {
    const before = events[index - 1];
    if (event.kind !== 'REFETCH' || !before) return;
    const at = resumptions.findLastIndex(({ atMs }) => atMs <= event.atMs);
    const resumption = resumptions[at]!;
    const { instance } = resumption;
    const write = writeOf(placeOf.get(before));
    const positionMs = write?.invokedAtMs ?? before.atMs - bounds.deltaMs;
    const gap = { instance, startedAtMs: positionMs, endedAtMs: event.atMs };
    const mayHaveGap = (interval: Interval) =>
      history.faults.some((fault) => !WITHOUT_GAPS.has(fault.kind) && isDuring(fault, interval));
    const teller = resumptions.findLast(({ atMs }) => atMs <= before.atMs)?.instance ?? instance;
    // In a gap, and right after it, an instance has no position to tell that any other knows.
    const mayBeUnknown =
      before.kind === 'REFETCH' && mayHaveGap({ instance: teller, startedAtMs: before.atMs, endedAtMs: before.atMs });
    const isOther = before.atMs < resumption.atMs && teller !== instance;
    const ageMs = resumption.atMs - (write?.answeredAtMs ?? before.atMs);
    const mayBeBehind = isOther && ageMs < allowedDelayMs(history.faults, gap, bounds);
    if (mayHaveGap(gap) || mayBeUnknown || mayBeBehind) return;
    violations.add('needless-refetch', event.atMs, `${instance} ${event.atMs}`, () =>
      lines(
        `Instance ${instance} told a subscription at ${seconds(event.atMs)} to fetch again, which had resumed at ${seconds(resumption.atMs)}`,
        `from a position of ${seconds(positionMs)}, although nothing kept the instance from knowing what came after it.`,
      ),
    );
  });
}

function writeOf(place: Place | undefined): Write | undefined {
  return place?.row.states[place.index];
}

/** Every write during a certainly open subscription arrived while it was connected for the allowed time, or a REFETCH did. */
function judgeCompleteness(
  subscription: Subscription,
  places: readonly Place[],
  unclear: ReadonlySet<Row>,
  given: Case,
): void {
  const { rows, violations } = given;
  const { instance, events, closedAtMs } = subscription;
  const openSinceMs = events[0]!.atMs;
  const connections = connectionsOf(subscription, given);
  const refetches = events.filter(({ kind }) => kind === 'REFETCH');
  const findLater = indexByInvocation(places);
  const told = new Map<Row, Set<number>>();
  for (const { row, index } of places) told.set(row, (told.get(row) ?? new Set()).add(index));
  for (const row of rows.all) {
    if (row.log.table !== 'workstation' || unclear.has(row)) continue;
    const known = told.get(row);
    const first = firstIndex(row.states, ({ invokedAtMs }) => invokedAtMs >= openSinceMs);
    for (let index = first; index < row.states.length; index++) {
      const write = row.states[index]!;
      if (write.invokedAtMs > (closedAtMs ?? Number.POSITIVE_INFINITY)) break;
      if (write.outcome !== 'ok' || known?.has(index)) continue;
      const refetch = refetches[firstIndex(refetches, ({ atMs }) => atMs >= write.invokedAtMs)];
      const later = findLater(write.answeredAtMs!);
      // A later change was reported before any gap was reported, or no gap was reported at all.
      const isSkipped = later !== undefined && (!refetch || later.event.atMs < refetch.atMs);
      const dueAtMs = refetch ? null : findDue(write, connections, given);
      if (!isSkipped && (refetch || dueAtMs === null)) continue;
      violations.add(
        'missing-event',
        dueAtMs ?? write.answeredAtMs!,
        `${row.log.name} ${index} ${instance} ${openSinceMs}`,
        () =>
          lines(
            `${describeSubscription(subscription)} never told of ${row.log.name}: ${describeState(row, index)},`,
            refetch ? `and not before ${seconds(refetch.atMs)} of a gap.` : 'and not of a gap either.',
            ...(later
              ? [
                  `It told at ${seconds(later.event.atMs)} of ${later.row.log.name}: ${describeState(later.row, later.index)}.`,
                ]
              : []),
          ),
      );
    }
  }
}

/** A time in which an instance could tell a subscription what had happened. */
interface Connection {
  readonly instance: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

function connectionsOf({ instance, openedAtMs, closedAtMs, resumptions }: Subscription, given: Case): Connection[] {
  const all: readonly Resumption[] = resumptions ?? [{ instance, atMs: openedAtMs }];
  return all.map(({ instance, atMs, untilMs = Number.POSITIVE_INFINITY }, index) => {
    const nextMs = all[index + 1]?.atMs ?? Number.POSITIVE_INFINITY;
    const endMs = Math.min(untilMs, nextMs, closedAtMs ?? Number.POSITIVE_INFINITY);
    return { instance, fromMs: atMs, untilMs: endMs - farewellMs(instance, endMs, given) };
  });
}

/** When the subscription had been connected for long enough to be told of a write; `null`: never. */
function findDue(
  { invokedAtMs, answeredAtMs }: Write,
  connections: readonly Connection[],
  { history, bounds }: Case,
): number | null {
  for (const { instance, fromMs, untilMs } of connections) {
    const endedAtMs = Math.max(answeredAtMs!, fromMs);
    const interval = { instance, startedAtMs: Math.max(invokedAtMs, fromMs), endedAtMs };
    const dueAtMs = endedAtMs + allowedDelayMs(history.faults, interval, bounds);
    if (dueAtMs <= untilMs) return dueAtMs;
  }
  return null;
}

/**
 * A stopping instance closes its sockets at once and sends no further events; on a busy machine the closing is slow.
 */
function farewellMs(instance: number, closedAtMs: number, { history, bounds }: Case): number {
  const closing = { instance, startedAtMs: closedAtMs, endedAtMs: closedAtMs };
  const isStopping = history.faults.some((fault) => fault.kind === 'restart' && isDuring(fault, closing));
  return isStopping ? bounds.faultDeltaMs : 0;
}

/** Returns what finds the first event of a write that was invoked after a time. */
function indexByInvocation(places: readonly Place[]): (atMs: number) => Place | undefined {
  /** Those of writes that were invoked later than the writes of all events before. */
  const latest: Place[] = [];
  let latestMs = Number.NEGATIVE_INFINITY;
  for (const place of places) {
    const write = writeOf(place);
    if (!write || write.invokedAtMs <= latestMs) continue;
    latestMs = write.invokedAtMs;
    latest.push(place);
  }
  return (atMs) => latest[firstIndex(latest, (place) => writeOf(place)!.invokedAtMs > atMs)];
}
