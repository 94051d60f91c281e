import type { Role } from '../../../src/auth/identity.ts';
import type { Page } from './index.ts';

/** A page of the console, for tests of all of them. */
export interface ConsolePage {
  readonly name: string;
  readonly path: string;
  readonly role: Role;
  /** Resolves once the page shows what it is for. */
  readonly untilShown: (page: Page) => Promise<unknown>;
}

/** @param workstationId one that exists */
export function listPages(workstationId: string): readonly ConsolePage[] {
  return [
    { name: 'fleet', path: '/', role: 'ADMIN', untilShown: (page) => page.getByRole('row').nth(5).waitFor() },
    {
      name: 'workstation',
      path: `/workstations/${workstationId}`,
      role: 'ADMIN',
      untilShown: (page) => page.getByRole('heading', { name: 'Telemetry' }).waitFor(),
    },
    {
      name: 'managers',
      path: '/managers',
      role: 'ADMIN',
      untilShown: (page) => page.getByRole('row').nth(5).waitFor(),
    },
    {
      name: 'agents',
      path: '/agents',
      role: 'ADMIN',
      untilShown: (page) => page.getByText('There is no token yet.').waitFor(),
    },
  ];
}
