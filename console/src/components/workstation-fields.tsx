import { useEffect, useRef, useState } from 'react';
import type { Problem } from '../api/errors.ts';
import { fieldError, formProblem } from '../api/use-submit.ts';
import type { WorkstationStatus } from '../graphql/graphql.ts';
import { type ControlProps, Field } from './field.tsx';
import { ManagerPicker, type PickedManager } from './manager-picker.tsx';
import { ProblemNotice } from './notice.tsx';
import { STATUS_LABELS, STATUSES } from './status-badge.tsx';
import type { Values } from './use-versioned-form.ts';

/** What people say about a workstation, in the order of the form. */
export const LABELS = {
  name: 'Name',
  status: 'Status',
  hostname: 'Host name',
  ipAddress: 'Address',
  operatingSystem: 'Operating system',
  tags: 'Tags',
  managerId: 'Manager',
} as const;

export type WorkstationField = keyof typeof LABELS;
export const FIELDS = Object.keys(LABELS) as WorkstationField[];

const HINTS: Partial<Readonly<Record<WorkstationField, string>>> = {
  tags: 'With commas between them.',
};

export type WorkstationValues = Values<WorkstationField>;

/** What the mutations take for the texts of the form. */
export function inputOf({ status, tags, managerId, ...texts }: WorkstationValues) {
  return {
    ...texts,
    status: status as WorkstationStatus,
    tags: splitTags(tags),
    managerId: managerId || null,
  };
}

export function splitTags(text: string): string[] {
  return [...new Set(text.split(',').map((tag) => tag.trim()))].filter(Boolean);
}

export interface ManagerNames {
  /** By id. */
  readonly known: ReadonlyMap<string, string>;
  add(manager: PickedManager): void;
}

/** The names of the managers that a form has to do with: the current one, and those that were picked. */
export function useManagerNames(current: PickedManager | null): ManagerNames {
  const [picked, setPicked] = useState<ReadonlyMap<string, string>>(new Map());
  return {
    known: current ? new Map(picked).set(current.id, current.name) : picked,
    add: ({ id, name }) => setPicked((before) => new Map(before).set(id, name)),
  };
}

interface WorkstationFieldsProps {
  readonly values: WorkstationValues;
  readonly problem: Problem | null;
  readonly managerNames: ManagerNames;
  readonly onChange: (field: WorkstationField, value: string) => void;
}

/** The fields of a form for a workstation. What the API has against one of them is said there, the rest below them. */
export function WorkstationFields({ values, problem, managerNames, onChange }: WorkstationFieldsProps) {
  const rest = formProblem(problem, FIELDS);
  const fields = useRef<HTMLDivElement>(null);
  // On a narrow screen the field at fault may be out of sight of the button that sent the form.
  useEffect(() => {
    if (problem) fields.current?.querySelector<HTMLElement>('[aria-invalid]')?.focus();
  }, [problem]);
  const pick = (manager: PickedManager | null) => {
    if (manager) managerNames.add(manager);
    onChange('managerId', manager?.id ?? '');
  };
  const control = (field: WorkstationField, props: ControlProps) => {
    const value = values[field];
    if (field === 'status')
      return <StatusSelect control={props} value={value} onChange={(status) => onChange(field, status)} />;
    if (field === 'managerId') {
      const picked = value ? { id: value, name: managerNames.known.get(value) ?? value } : null;
      return <ManagerPicker control={props} value={picked} onChange={pick} />;
    }
    return (
      <input
        {...props}
        className="input"
        type="text"
        autoComplete="off"
        spellCheck={false}
        value={value}
        onChange={(event) => onChange(field, event.target.value)}
      />
    );
  };
  return (
    <>
      <div ref={fields} className="form-fields">
        {FIELDS.map((field) => (
          <Field key={field} label={LABELS[field]} hint={HINTS[field]} error={fieldError(problem, field)}>
            {(props) => control(field, props)}
          </Field>
        ))}
      </div>
      {rest && <ProblemNotice problem={rest} />}
    </>
  );
}

interface StatusSelectProps {
  readonly control: ControlProps;
  readonly value: string;
  readonly onChange: (status: string) => void;
}

function StatusSelect({ control, value, onChange }: StatusSelectProps) {
  return (
    <select {...control} className="input" value={value} onChange={(event) => onChange(event.target.value)}>
      {STATUSES.map((status) => (
        <option key={status} value={status}>
          {STATUS_LABELS[status]}
        </option>
      ))}
    </select>
  );
}
