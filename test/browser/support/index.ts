import type { Browser } from 'playwright-core';
import type { Role } from '../../../src/auth/identity.ts';
import { launchChromium } from './chromium.ts';
import { type ConsoleServer, type ConsoleServerOptions, startConsoleServer } from './console-server.ts';
import { openVisit, type Visit, type VisitOptions } from './visit.ts';

export type { Page } from 'playwright-core';
export { findBarriers } from './accessibility.ts';
export { eventually } from './eventually.ts';
export { takeScreenshot } from './screenshots.ts';
export type { RecordedRequest, Visit } from './visit.ts';

export interface OpenOptions extends Omit<VisitOptions, 'token'> {
  /** The role to be signed in with; without one the visitor is anonymous. */
  readonly role?: Role;
  /** How long the token of the role is valid. Default an hour. */
  readonly expiresInSeconds?: number;
}

export interface ConsoleUnderTest {
  readonly server: ConsoleServer;
  /** Opens a page in a browser profile of its own, which is closed after the test. */
  open(options?: OpenOptions): Promise<Visit>;
}

/**
 * For the top of a test file: a server and a browser for all of its tests. After each test its pages are closed, and the test
 * fails if one of them had a problem: a request to another host, an error on the console, an exception.
 */
export function useConsole(options?: ConsoleServerOptions): ConsoleUnderTest {
  let server: ConsoleServer | undefined;
  let browser: Browser | undefined;
  const visits: Visit[] = [];

  beforeAll(async () => {
    [server, browser] = await Promise.all([startConsoleServer(options), launchChromium()]);
  });

  afterEach(async () => {
    const closed = visits.splice(0);
    await Promise.all(closed.map((visit) => visit.close()));
    expect(closed.flatMap(({ problems }) => problems)).toEqual([]);
  });

  afterAll(async () => {
    await Promise.all([browser?.close(), server?.close()]);
  });

  return {
    get server() {
      return server!;
    },
    async open({ role, expiresInSeconds, ...visitOptions } = {}) {
      const token = role && (await server!.token(role, expiresInSeconds));
      const visit = await openVisit(browser!, server!.url, { ...visitOptions, token });
      visits.push(visit);
      return visit;
    },
  };
}
