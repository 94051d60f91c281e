import { useSyncExternalStore } from 'react';
import { useTheme } from '../../theme.ts';

const query = matchMedia('(prefers-color-scheme: dark)');

function follow(listener: () => void): () => void {
  query.addEventListener('change', listener);
  return () => query.removeEventListener('change', listener);
}

/** Whether the page is dark: pictures take their colours when they are drawn, and not from the style sheet. */
export function useIsDark(): boolean {
  const isPreferred = useSyncExternalStore(follow, () => query.matches);
  const theme = useTheme();
  return theme === 'auto' ? isPreferred : theme === 'dark';
}
