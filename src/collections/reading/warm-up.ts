import type { Logger } from 'pino';
import type { Collections } from '../collections.ts';
import { FROM_START } from '../definition/page.ts';
import type { Identified } from '../definition/record.ts';
import type { OpenCollection } from './open-collection.ts';
import { createOperation } from './operation.ts';

/**
 * Reads the first page of each collection, so that the first visitors find it cached. A failure is logged and no more.
 * @param size of a page that clients who name none are given
 */
export async function warmUp({ all }: Collections, size: number, logger: Logger): Promise<void> {
  const operation = createOperation();
  const readFirstPage = (collection: OpenCollection<Identified, unknown, string>) => {
    const order = collection.definition.defaultOrder;
    return collection.page({ ...FROM_START, filter: {}, order, size, shows: [] }, operation);
  };
  try {
    await Promise.all(all.map(readFirstPage));
    logger.info({ cache: operation.reads }, 'the cache is warm');
  } catch (error) {
    logger.warn({ err: error }, 'the cache could not be warmed up');
  }
}
