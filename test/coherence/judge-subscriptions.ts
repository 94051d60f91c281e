import { type Case, findLie } from './case.ts';
import type { ChangeEvent, Subscription, Write } from './history.ts';
import { allowedDelayMs, isDuring, type Row, stateShownBy } from './rows.ts';
import { describeState, describeSubscription, describeWrite, lines, seconds } from './violations.ts';

/** Rows with longer texts are announced by id only and read for the event, which may then show a newer state. */
const ALWAYS_ANNOUNCED_LENGTH = 2000;
/** How late a subscription may still report a change that was answered before it opened or before a gap ended. */
const LATEST_NEWS_MS = 10_000;

/**
 * A subscription reports every committed change once and in order, except changes in a gap, which ends with REFETCH.
 */
export function judgeSubscriptions(given: Case): void {
  for (const subscription of given.history.subscriptions) {
    if (subscription.events.length === 0) continue;
    const { places, unclear } = judgeEvents(subscription, given);
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
  const mayBeTold = ({ answeredAtMs }: Write) =>
    answeredAtMs === null || answeredAtMs + LATEST_NEWS_MS >= unbrokenSinceMs;
  const mayBeEarlier = row.states.some(
    (write, place) => place <= index && mayBeTold(write) && isTooBigToAnnounce(row, place),
  );
  if (!before && mayBeEarlier) return null;
  return shown ? index : undefined;
}

function isTooBigToAnnounce({ states }: Row, index: number): boolean {
  const isBig = (write: Write | undefined) =>
    Object.values(write?.fields ?? {}).some((value) => String(value).length > ALWAYS_ANNOUNCED_LENGTH);
  return isBig(states[index]) || isBig(states[index - 1]);
}

/** If one write was answered before another was invoked, their events arrive in that order. */
function judgeOrderAcrossRows(subscription: Subscription, places: readonly Place[], { violations }: Case): void {
  let latest: { write: Write; name: string } | null = null;
  for (const { row, index, event } of places) {
    const write = row.states[index];
    if (!write) continue;
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

/** Every write during a certainly open subscription arrived in the allowed time, or a REFETCH did. */
function judgeCompleteness(
  subscription: Subscription,
  places: readonly Place[],
  unclear: ReadonlySet<Row>,
  given: Case,
): void {
  const { history, rows, bounds, violations } = given;
  const { instance, events, closedAtMs } = subscription;
  const openSinceMs = events[0]!.atMs;
  const untilMs = (closedAtMs ?? Number.POSITIVE_INFINITY) - farewellMs(subscription, given);
  const told = new Map<Row, Set<number>>();
  for (const { row, index } of places) told.set(row, (told.get(row) ?? new Set()).add(index));
  for (const row of rows.all) {
    if (row.log.table !== 'workstation' || unclear.has(row)) continue;
    const known = told.get(row);
    row.states.forEach((write, index) => {
      if (write.outcome !== 'ok' || write.invokedAtMs < openSinceMs || known?.has(index)) return;
      const interval = { instance, startedAtMs: write.invokedAtMs, endedAtMs: write.answeredAtMs! };
      const dueAtMs = write.answeredAtMs! + allowedDelayMs(history.faults, interval, bounds);
      const refetch = events.find(({ kind, atMs }) => kind === 'REFETCH' && atMs >= write.invokedAtMs);
      const later = findLater(write, places);
      // A later change was reported before any gap was reported, or no gap was reported at all.
      const isSkipped = later !== undefined && (!refetch || later.event.atMs < refetch.atMs);
      if (!isSkipped && (refetch || dueAtMs > untilMs)) return;
      violations.add('missing-event', dueAtMs, `${row.log.name} ${index} ${instance} ${openSinceMs}`, () =>
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
    });
  }
}

/**
 * A stopping instance closes its sockets at once and sends no further events; on a busy machine the closing is slow.
 */
function farewellMs({ instance, closedAtMs }: Subscription, { history, bounds }: Case): number {
  if (closedAtMs === null) return 0;
  const closing = { instance, startedAtMs: closedAtMs, endedAtMs: closedAtMs };
  const isStopping = history.faults.some((fault) => fault.kind === 'restart' && isDuring(fault, closing));
  return isStopping ? bounds.faultDeltaMs : 0;
}

/** The first event of a write that was invoked after this one was answered. */
function findLater({ answeredAtMs }: Write, places: readonly Place[]): Place | undefined {
  return places.find(({ row, index }) => {
    const told = row.states[index];
    return told !== undefined && told.invokedAtMs > answeredAtMs!;
  });
}
