import type { ComponentType } from 'react';
import type { Role } from '../session/roles.ts';

export interface PageEntry {
  readonly path: string;
  /** As the navigation calls it; absent: it is reached from another page. */
  readonly label?: string;
  /** The role that the page is for; the navigation does not offer it to others. */
  readonly role: Role;
  readonly load: () => Promise<{ default: ComponentType }>;
}

/** Every page of the console, in the order of the navigation. `src/http/console` serves the document for the same paths. */
export const PAGES: readonly PageEntry[] = [
  { path: '/', label: 'Fleet', role: 'VIEWER', load: () => import('./fleet/fleet-page.tsx') },
  { path: '/workstations/:id', role: 'VIEWER', load: () => import('./workstation/workstation-page.tsx') },
  { path: '/managers', label: 'Managers', role: 'VIEWER', load: () => import('./managers/managers-page.tsx') },
  {
    path: '/performance',
    label: 'Performance',
    role: 'MONITOR',
    load: () => import('./performance/performance-page.tsx'),
  },
  { path: '/cache', label: 'Cache', role: 'ADMIN', load: () => import('./cache/cache-page.tsx') },
  { path: '/agents', label: 'Agents', role: 'ADMIN', load: () => import('./agents/agents-page.tsx') },
];
