import { useState } from 'react';

export type Values<Field extends string> = Readonly<Record<Field, string>>;

/** The values of a record, as texts, at one of its versions. */
export interface VersionedValues<Field extends string> {
  readonly version: number;
  readonly values: Values<Field>;
}

export interface VersionedForm<Field extends string> {
  /** What the form was opened with: the version that a save expects. */
  readonly opened: VersionedValues<Field>;
  readonly draft: Values<Field>;
  /** The fields that this form changes. A save sends nothing else. */
  readonly changed: readonly Field[];
  /** The fields that somebody else has changed since. */
  readonly changedByOthers: readonly Field[];
  set(field: Field, value: string): void;
  /** Gives up the draft for the current values. */
  takeCurrent(): void;
  /** Keeps the draft, and expects the current version from now on. */
  rebase(): void;
}

/** A form for a record that others may change meanwhile. @param current what the live query says now */
export function useVersionedForm<Field extends string>(current: VersionedValues<Field>): VersionedForm<Field> {
  const [opened, setOpened] = useState(current);
  const [draft, setDraft] = useState(current.values);
  const fields = Object.keys(current.values) as Field[];
  const touched = (field: Field) => draft[field] !== opened.values[field];
  return {
    opened,
    draft,
    changed: fields.filter(touched),
    changedByOthers: fields.filter((field) => current.values[field] !== opened.values[field]),
    set: (field, value) => setDraft((before) => ({ ...before, [field]: value })),
    takeCurrent: () => {
      setOpened(current);
      setDraft(current.values);
    },
    rebase: () => {
      // What this form leaves alone is as the others made it.
      setDraft(
        Object.fromEntries(
          fields.map((field) => [field, touched(field) ? draft[field] : current.values[field]]),
        ) as Values<Field>,
      );
      setOpened(current);
    },
  };
}
