import { useEffect, useState } from 'react';
import { useSubmit } from '../../api/use-submit.ts';
import { ConfirmDialog } from '../../components/confirm-dialog.tsx';
import { countOf } from '../../components/count-of.ts';
import { Loading } from '../../components/loading.tsx';
import { CLEAR, INVALIDATE } from './cache-documents.ts';

interface ClearCacheProps {
  readonly onDone: (message: string) => void;
  readonly onClose: () => void;
}

/** Removes everything, after saying how much that is. */
export function ClearCache({ onDone, onClose }: ClearCacheProps) {
  const counting = useSubmit(INVALIDATE);
  const clearing = useSubmit(CLEAR);
  const [count, setCount] = useState<number | null>(null);
  const { submit } = counting;
  // Once, when the dialog opens
  useEffect(() => {
    void submit({ pattern: '*', dryRun: true }).then((data) => setCount(data?.invalidateCache.entriesRemoved ?? null));
  }, []);
  const confirm = async () => {
    const data = await clearing.submit({});
    if (data) onDone(data.clearCache.message);
  };
  return (
    <ConfirmDialog
      title="Clear the cache?"
      action="Clear"
      isBusy={clearing.isBusy}
      isReady={count !== null}
      problem={clearing.problem ?? counting.problem}
      onConfirm={confirm}
      onClose={onClose}
    >
      {count === null && !counting.problem && <Loading what="the number of entries" />}
      {count !== null && (
        <p>
          {countOf(count, 'entry', 'entries')} of this instance will go, and all entries of the other instances. Until
          the caches are warm again, reads go to the database.
        </p>
      )}
    </ConfirmDialog>
  );
}
