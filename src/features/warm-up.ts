import type { Logger } from 'pino';
import { createContext } from '../graphql/context.ts';
import { DEFAULT_PAGE_SIZE } from '../graphql/page-size.ts';
import { type ManagerSource, readManagerPage } from './manager/index.ts';
import { readWorkstationList, type WorkstationSource } from './workstation/index.ts';

const NOBODY = { subject: 'warm-up', roles: [], isAnonymous: true, expiresAtMs: null } as const;

/** Reads the first pages of the lists, so that the first visitors find them cached. A failure is logged and no more. */
export async function warmUp(source: ManagerSource & WorkstationSource, logger: Logger): Promise<void> {
  const ctx = createContext({ requestId: 'warm-up', identity: NOBODY, logger });
  try {
    await Promise.all([
      readWorkstationList(source, {}, ctx),
      readManagerPage(source, { first: DEFAULT_PAGE_SIZE, after: null }, ctx),
    ]);
    logger.info({ cache: ctx.reads }, 'the cache is warm');
  } catch (error) {
    logger.warn({ err: error }, 'the cache could not be warmed up');
  }
}
