import { type FormEvent, useState } from 'react';
import { useSubmit } from '../../api/use-submit.ts';
import { countOf } from '../../components/count-of.ts';
import { Field } from '../../components/field.tsx';
import { ManagerPicker, type PickedManager } from '../../components/manager-picker.tsx';
import { Notice, ProblemNotice } from '../../components/notice.tsx';
import { UPDATE_WORKSTATIONS } from '../../components/update-workstations.ts';

interface MoveWorkstationsProps {
  readonly managerId: string;
  readonly selected: readonly string[];
  readonly total: number;
  readonly onMoved: (message: string) => void;
}

/** Moves the chosen workstations, or all of the manager's, to another manager: a dry run says how many, then they move. */
export function MoveWorkstations({ managerId, selected, total, onMoved }: MoveWorkstationsProps) {
  const [target, setTarget] = useState<PickedManager | null>(null);
  const [asked, setAsked] = useState<{ readonly key: string; readonly count: number } | null>(null);
  const { submit, isBusy, problem } = useSubmit(UPDATE_WORKSTATIONS);
  const what = selected.length > 0 ? `the ${selected.length} chosen` : `all ${total.toLocaleString()}`;
  const to = target?.name ?? 'no manager';
  const key = JSON.stringify([selected, target?.id ?? null, total]);
  // With other workstations or another manager, the number would be another.
  const confirmed = asked?.key === key ? asked : null;
  const send = (dryRun: boolean) => {
    const filter = selected.length > 0 ? { ids: [...selected], managerId } : { managerId };
    return submit({ filter, input: { managerId: target?.id ?? null }, dryRun });
  };
  const ask = async (event: FormEvent) => {
    event.preventDefault();
    const data = await send(true);
    if (data) setAsked({ key, count: data.updateWorkstations.changed });
  };
  const move = async () => {
    const data = await send(false);
    setAsked(null);
    if (data) onMoved(`${countOf(data.updateWorkstations.changed, 'workstation')} moved to ${to}.`);
  };
  return (
    <form className="move" onSubmit={ask}>
      <Field label="Move to">
        {(control) => <ManagerPicker control={control} value={target} onChange={setTarget} />}
      </Field>
      <button type="submit" className="button" disabled={isBusy || target?.id === managerId}>
        Move {what} …
      </button>
      {problem && <ProblemNotice problem={problem} />}
      {confirmed && (
        <Notice
          tone="warning"
          actions={
            <>
              <button type="button" className="button" onClick={() => setAsked(null)}>
                Cancel
              </button>
              <button type="button" className="button button-primary" disabled={isBusy} onClick={move}>
                Move {confirmed.count.toLocaleString()}
              </button>
            </>
          }
        >
          {countOf(confirmed.count, 'workstation')} will move to {to}.
        </Notice>
      )}
    </form>
  );
}
