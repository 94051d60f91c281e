import type { ChangeFeed } from '../../changes/index.ts';
import { exchange } from './exchange.ts';
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
 * Asks all instances for their figures and resolves when each has answered, or the time is over.
 * @param own the figures of the instance that asks
 */
export async function collectReports(
  { feed, instanceId, countListeners, onError }: Asking,
  own: InstanceMetrics,
): Promise<InstanceMetrics[]> {
  const reports = new Map([[instanceId, own]]);
  if (feed.state !== 'live') return [own];
  let expected = Number.POSITIVE_INFINITY;
  await exchange(feed, {
    timeoutMs: REPORT_TIMEOUT_MS,
    async send(question) {
      expected = await countListeners();
      if (reports.size >= expected) return false;
      await feed.send({ command: 'report', question, from: instanceId });
      return true;
    },
    receive(command, question) {
      if (command.command !== 'reported' || command.question !== question) return false;
      reports.set(command.from, command.report as unknown as InstanceMetrics);
      return reports.size >= expected;
    },
  }).catch(onError);
  return [...reports.values()];
}
