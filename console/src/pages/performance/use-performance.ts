import { useApolloClient, useQuery, useSubscription } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import { explain, type Problem } from '../../api/errors.ts';
import type { CurrentPerformanceFragment } from '../../graphql/graphql.ts';
import { useMay } from '../../session/session.ts';
import { CURRENT, HISTORY, UPDATES } from './documents.ts';
import { type InstanceSamples, leavesHole, mergeSamples, type Sample } from './samples.ts';

export interface Performance {
  /** The newest figures; `undefined` before the first. */
  readonly current: CurrentPerformanceFragment | undefined;
  /** The instances that are there now. Without the right to see the history, their samples begin with the page. */
  readonly instances: readonly InstanceSamples[];
  readonly problem: Problem | null;
  readonly retry: () => void;
}

const POLL_MS = 5000;

/** Follows all instances: the last hour at once, as far as one may see it, and then a sample every five seconds. */
export function usePerformance(): Performance {
  const maySeeAll = useMay('ADMIN');
  const updates = useSubscription(UPDATES, { skip: !maySeeAll, fetchPolicy: 'no-cache' });
  const polled = useQuery(CURRENT, { skip: maySeeAll, fetchPolicy: 'no-cache', pollInterval: POLL_MS });
  const current = maySeeAll ? updates.data?.performanceMetricsUpdated : polled.data?.performanceMetrics;
  const error = maySeeAll ? updates.error : polled.error;
  return {
    current,
    instances: useSamples(current, maySeeAll),
    problem: error ? explain(error) : null,
    retry: () => (maySeeAll ? updates.restart() : void polled.refetch().catch(() => {})),
  };
}

function useSamples(
  current: CurrentPerformanceFragment | undefined,
  maySeeHistory: boolean,
): readonly InstanceSamples[] {
  const client = useApolloClient();
  const [byInstance, setByInstance] = useState<ReadonlyMap<string, readonly Sample[]>>(new Map());
  const latest = useRef(byInstance);
  latest.current = byInstance;

  useEffect(() => {
    if (!current) return;
    const add = (id: string, added: readonly Sample[]) =>
      setByInstance((before) => {
        const known = before.get(id) ?? [];
        const merged = mergeSamples(known, added);
        return merged === known && before.has(id) ? before : new Map(before).set(id, merged);
      });
    for (const { instanceId, latest: sample } of current.instances) {
      const known = latest.current.get(instanceId);
      const isIncomplete = known === undefined || (sample && leavesHole(known, sample));
      add(instanceId, sample ? [sample] : []);
      if (!maySeeHistory || !isIncomplete) continue;
      client
        .query({ query: HISTORY, variables: { instanceId }, fetchPolicy: 'no-cache' })
        .then(({ data }) => data && add(instanceId, data.performanceHistory))
        // What is missing stays a gap; the next hole asks again.
        .catch(() => {});
    }
  }, [client, current, maySeeHistory]);

  // An instance that has ended takes its lines along.
  return (current?.instances ?? [])
    .map(({ instanceId: id }) => ({ id, samples: byInstance.get(id) ?? [] }))
    .sort((a, b) => a.id.localeCompare(b.id));
}
