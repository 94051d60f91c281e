import { useState } from 'react';
import { COLUMNS, type Column } from './columns.tsx';

const STORED_AS = 'stationmaster.fleet.columns';

export interface ColumnChoice {
  readonly shown: readonly Column[];
  toggle(key: string): void;
  reset(): void;
}

/** The columns that this browser shows. The name is always among them. */
export function useColumns(): ColumnChoice {
  const [keys, setKeys] = useState<readonly string[]>(readKeys);
  const choose = (chosen: readonly string[] | null) => {
    if (chosen) localStorage.setItem(STORED_AS, JSON.stringify(chosen));
    else localStorage.removeItem(STORED_AS);
    setKeys(chosen ?? usualKeys());
  };
  return {
    shown: COLUMNS.filter(({ key }) => key === 'name' || keys.includes(key)),
    toggle: (key) => choose(keys.includes(key) ? keys.filter((one) => one !== key) : [...keys, key]),
    reset: () => choose(null),
  };
}

function usualKeys(): string[] {
  return COLUMNS.filter(({ isUsual }) => isUsual).map(({ key }) => key);
}

function readKeys(): string[] {
  try {
    const stored = JSON.parse(localStorage.getItem(STORED_AS) ?? 'null');
    return Array.isArray(stored) ? stored : usualKeys();
  } catch {
    return usualKeys();
  }
}
