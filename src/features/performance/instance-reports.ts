import { randomUUID } from 'node:crypto';
import type { ChangeFeed } from '../../changes/index.ts';
import type { InstanceMetrics } from './performance.type.ts';

/** How long instances that are slow to answer are waited for. */
const REPORT_TIMEOUT_MS = 500;

export interface Asking {
  readonly feed: ChangeFeed;
  readonly instanceId: string;
  readonly countListeners: () => Promise<number>;
  readonly onError: (error: unknown) => void;
}

/**
 * Asks all instances for their figures and resolves when each has answered, or the time is over. PostgreSQL is where they
 * meet: the question and the answers travel as notifications, and nothing is stored that could outlive an instance.
 * @param own the figures of the instance that asks
 */
export async function collectReports(
  { feed, instanceId, countListeners, onError }: Asking,
  own: InstanceMetrics,
): Promise<InstanceMetrics[]> {
  const reports = new Map([[instanceId, own]]);
  if (feed.state !== 'live') return [own];
  const question = randomUUID();
  let expected = Number.POSITIVE_INFINITY;
  const { promise: answered, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, REPORT_TIMEOUT_MS);
  const unfollow = feed.follow({
    onCommand: (command) => {
      if (command.command !== 'reported' || command.question !== question) return;
      reports.set(command.from, command.report as unknown as InstanceMetrics);
      if (reports.size >= expected) resolve();
    },
    onGap: resolve,
  });
  try {
    expected = await countListeners();
    if (reports.size < expected) {
      await feed.send({ command: 'report', question, from: instanceId });
      await answered;
    }
  } catch (error) {
    onError(error);
  } finally {
    clearTimeout(timer);
    unfollow();
  }
  return [...reports.values()];
}
