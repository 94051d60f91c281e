import { useQuery } from '@apollo/client/react';
import { useState } from 'react';
import { DraftInput } from '../../components/draft-input.tsx';
import { Field } from '../../components/field.tsx';
import { ManagerPicker, type PickedManager } from '../../components/manager-picker.tsx';
import { splitTags } from '../../components/workstation-fields.tsx';
import { graphql } from '../../graphql/index.ts';
import {
  type FleetQuery,
  NO_QUERY,
  SEEN,
  SEEN_LABELS,
  type Seen,
  USAGES,
  type Usage,
  type UsageRange,
} from './fleet-query.ts';

const USAGE_LABELS: Readonly<Record<Usage, string>> = { cpu: 'CPU', memory: 'Memory', disk: 'Disk' };
export const NO_MANAGER = { id: 'none', name: 'Without a manager' };

const MANAGER_NAME = graphql(`
  query ManagerName($id: ID!) {
    manager(id: $id) {
      id
      name
    }
  }
`);

interface FilterBarProps {
  readonly query: FleetQuery;
  readonly onChange: (part: Partial<FleetQuery>) => void;
}

/** What the list shows. Every change goes into the address. */
export function FilterBar({ query, onChange }: FilterBarProps) {
  const count = countParts(query);
  const [isOpen, setOpen] = useState(count > 0);
  const manager = useManager(query.manager);
  return (
    <search className="filters" aria-label="Filter">
      <div className="filters-line">
        <DraftInput
          type="search"
          aria-label="Search"
          placeholder="Search name, host name, operating system or tag"
          value={query.text}
          onCommit={(text) => onChange({ text })}
        />
        <button
          type="button"
          className="button"
          aria-expanded={isOpen}
          aria-controls="fleet-filters"
          onClick={() => setOpen(!isOpen)}
        >
          Filters{count > 0 && <span className="count">{count}</span>}
        </button>
        {(count > 0 || query.text !== '' || query.statuses.length > 0) && (
          <button type="button" className="button" onClick={() => onChange({ ...NO_QUERY, sort: query.sort })}>
            Clear
          </button>
        )}
      </div>
      {isOpen && (
        <div id="fleet-filters" className="filters-panel">
          <Text label="Name" value={query.name} onCommit={(name) => onChange({ name })} />
          <Text label="Host name" value={query.hostname} onCommit={(hostname) => onChange({ hostname })} />
          <Text
            label="Operating system"
            value={query.operatingSystem}
            onCommit={(operatingSystem) => onChange({ operatingSystem })}
          />
          <Text
            label="Tags (all of them)"
            placeholder="lab, rack-1"
            value={query.tags.join(', ')}
            onCommit={(text) => onChange({ tags: splitTags(text) })}
          />
          <Field label="Manager">
            {(control) => (
              <ManagerPicker
                control={control}
                value={manager}
                others={[{ id: '', name: 'Anybody' }, NO_MANAGER]}
                onChange={(picked) => onChange({ manager: picked?.id ?? '' })}
              />
            )}
          </Field>
          <Field label="Last seen">
            {(control) => (
              <select
                {...control}
                className="input"
                value={query.seen ?? ''}
                onChange={({ target }) => onChange({ seen: (target.value || null) as Seen | null })}
              >
                <option value="">at any time</option>
                {SEEN.map((seen) => (
                  <option key={seen} value={seen}>
                    {SEEN_LABELS[seen]}
                  </option>
                ))}
              </select>
            )}
          </Field>
          {USAGES.map((usage) => (
            <RangeField
              key={usage}
              label={USAGE_LABELS[usage]}
              range={query.usage[usage]}
              onChange={(range) => onChange({ usage: { ...query.usage, [usage]: range } })}
            />
          ))}
        </div>
      )}
    </search>
  );
}

/** The manager of the filter: the address has only the id. */
function useManager(id: string): PickedManager | null {
  const isPerson = id !== '' && id !== NO_MANAGER.id;
  const { data } = useQuery(MANAGER_NAME, { variables: { id }, skip: !isPerson });
  if (!isPerson) return id === NO_MANAGER.id ? NO_MANAGER : null;
  return { id, name: data?.manager?.name ?? '…' };
}

interface TextProps {
  readonly label: string;
  readonly value: string;
  readonly placeholder?: string;
  readonly onCommit: (value: string) => void;
}

function Text({ label, value, placeholder, onCommit }: TextProps) {
  return (
    <Field label={label}>
      {(control) => (
        <DraftInput {...control} value={value} placeholder={placeholder} maxLength={200} onCommit={onCommit} />
      )}
    </Field>
  );
}

interface RangeFieldProps {
  readonly label: string;
  readonly range: UsageRange;
  readonly onChange: (range: UsageRange) => void;
}

function RangeField({ label, range, onChange }: RangeFieldProps) {
  const bound = (name: 'from' | 'to') => (
    <DraftInput
      type="number"
      min={0}
      max={100}
      inputMode="numeric"
      aria-label={`${label} ${name === 'from' ? 'at least' : 'at most'}, in percent`}
      placeholder={name === 'from' ? '0' : '100'}
      value={range[name]?.toString() ?? ''}
      onCommit={(text) => onChange({ ...range, [name]: readPercentage(text) })}
    />
  );
  return (
    <fieldset className="field range">
      <legend className="field-label">{label} in %</legend>
      {bound('from')}
      <span aria-hidden="true">–</span>
      {bound('to')}
    </fieldset>
  );
}

function readPercentage(text: string): number | null {
  const value = Number(text);
  return text.trim() === '' || !Number.isFinite(value) ? null : Math.min(100, Math.max(0, value));
}

/** How many parts the panel restricts. */
function countParts({ name, hostname, operatingSystem, tags, manager, seen, usage }: FleetQuery): number {
  const parts = [name, hostname, operatingSystem, tags.length > 0, manager, seen];
  const ranges = USAGES.map((one) => usage[one].from !== null || usage[one].to !== null);
  return [...parts, ...ranges].filter(Boolean).length;
}
