export { type Assignment, type BulkResult, BulkWriter } from './bulk-writes.ts';
export { type Collections, openCollections } from './collections.ts';
export { baseProperties } from './definition/base.entity.ts';
export {
  type AnyCollection,
  type Collection,
  type CollectionOptions,
  defineCollection,
  type FilterInput,
  type List,
  type ListOrder,
  orderFieldsOf,
  type Page,
} from './definition/collection.ts';
export type { Column, Entity } from './definition/columns.ts';
export { guardedInputsOf } from './definition/constraints.ts';
export type { NormalizedFilter } from './definition/filter-language.ts';
export {
  after,
  before,
  contains,
  equals,
  type Filter,
  hasAll,
  inNetwork,
  isNull,
  oneOf,
  range,
} from './definition/filters.ts';
export { normalizeId } from './definition/ids.ts';
export { compareByCodePoint, type Direction, FROM_START, type PageRange, type Position } from './definition/page.ts';
export type { Identified, RecordOf } from './definition/record.ts';
export { recordSchemaOf } from './definition/record-schema.ts';
export type { JsonRow } from './definition/record-shape.ts';
export type { GroupCount, MeasureSummary, Summary } from './definition/summary.ts';
export { TextsType } from './definition/texts-type.ts';
export { ChangeOrigin, followChanges } from './follow-changes.ts';
export { batchAcrossRequests } from './reading/batch-across-requests.ts';
export type { OpenCollection, PageRows, Scan } from './reading/open-collection.ts';
export { createOperation, type Operation } from './reading/operation.ts';
export { requireReadableTables } from './reading/readable-tables.ts';
export type { Found, Reread, Rereads } from './reading/rereads.ts';
export { warmUp } from './reading/warm-up.ts';
export { type RowEvent, streamRowChanges, type WantedChanges } from './row-changes.ts';
export { CollectionWriter } from './writes.ts';
