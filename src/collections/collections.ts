import type { Announcement } from '../cache/index.ts';
import type { Change } from '../changes/index.ts';
import type { AnyCollection, Collection } from './definition/collection.ts';
import type { Identified } from './definition/record.ts';
import { type CollectionSource, OpenCollection } from './reading/open-collection.ts';

/** All collections of the application, open for reading. */
export interface Collections {
  /**
   * The open form of a collection.
   * @throws {TypeError} when it is none of those that were opened
   */
  of<Row extends Identified, FilterGiven, OrderField extends string>(
    definition: Collection<Row, FilterGiven, OrderField>,
  ): OpenCollection<Row, FilterGiven, OrderField>;
  readonly all: readonly OpenCollection<Identified, unknown, string>[];
}

/** Opens the collections together, because the rows of one refer to those of others. */
export function openCollections(definitions: readonly AnyCollection[], source: CollectionSource): Collections {
  const opened = new Map(definitions.map((definition) => [definition, new OpenCollection(definition, source)]));
  const byEntity = new Map([...opened].map(([{ entity }, collection]) => [entity, collection]));
  for (const collection of opened.values()) collection.relate(byEntity);
  return {
    of(definition) {
      const collection = opened.get(definition);
      if (!collection) throw new TypeError(`The collection ${definition.key} is in no feature of the application.`);
      return collection;
    },
    all: [...opened.values()],
  };
}

/** What a change means to the cache, for the tables of these collections; `null` for any other table. */
export function createAnnouncer(
  definitions: readonly AnyCollection[],
): (change: Change, xid?: string) => Announcement | null {
  const byTable = new Map(definitions.map((definition) => [definition.table, definition]));
  return (change, xid) => byTable.get(change.table)?.announcementOf(change, xid) ?? null;
}
