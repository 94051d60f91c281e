import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { graphql } from '../graphql/index.ts';
import type { ControlProps } from './field.tsx';
import { useDebounced } from './use-debounced.ts';

const FIND_MANAGERS = graphql(`
  query FindManagers($filter: ManagerFilter) {
    managers(first: 100, filter: $filter, orderBy: { field: NAME, direction: ASC }) {
      totalCount
      nodes {
        id
        name
        email
      }
    }
  }
`);

export interface PickedManager {
  readonly id: string;
  readonly name: string;
}

interface ManagerPickerProps {
  readonly control: ControlProps;
  readonly value: PickedManager | null;
  readonly onChange: (manager: PickedManager | null) => void;
  /** The choices before the managers; one without an id stands for `null`. */
  readonly others?: readonly PickedManager[];
}

const NO_MANAGER: readonly PickedManager[] = [{ id: '', name: 'No manager' }];

/** Chooses a manager, or none of them. Among many, the text above the list finds the one. */
export function ManagerPicker({ control, value, onChange, others = NO_MANAGER }: ManagerPickerProps) {
  const [text, setText] = useState('');
  const searched = useDebounced(text.trim());
  const filter = searched ? { or: [{ nameContains: searched }, { emailContains: searched }] } : null;
  const { data, previousData } = useQuery(FIND_MANAGERS, { variables: { filter }, fetchPolicy: 'network-only' });
  const { nodes = [], totalCount = 0 } = (data ?? previousData)?.managers ?? {};
  const choices = [...others, ...nodes];
  const isListed = value === null || choices.some(({ id }) => id === value.id);
  const choose = (id: string) =>
    onChange(choices.find((choice) => choice.id === id && id !== '') ?? (id === value?.id ? value : null));
  return (
    <div className="manager-picker">
      <input
        type="search"
        className="input"
        aria-label="Find a manager by name or email"
        placeholder="Find by name or email"
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          // It searches, and does not send the form.
          if (event.key === 'Enter') event.preventDefault();
        }}
      />
      <select {...control} className="input" value={value?.id ?? ''} onChange={(event) => choose(event.target.value)}>
        {others.map(({ id, name }) => (
          <option key={id} value={id}>
            {name}
          </option>
        ))}
        {value && !isListed && <option value={value.id}>{value.name}</option>}
        {nodes.map(({ id, name, email }) => (
          <option key={id} value={id}>
            {name} ({email})
          </option>
        ))}
      </select>
      {totalCount > nodes.length && (
        <p className="field-hint">
          The first {nodes.length} of {totalCount.toLocaleString()}: find others by name or email.
        </p>
      )}
    </div>
  );
}
