export { baseProperties } from './base.entity.ts';
export {
  type AnyCollection,
  type Collection,
  type CollectionOptions,
  defineCollection,
  type FilterInput,
  type List,
  type ListOrder,
  type NormalizedFilter,
  orderFieldsOf,
  type Page,
} from './collection.ts';
export { type Collections, openCollections } from './collections.ts';
export type { Entity } from './columns.ts';
export { guardedInputsOf } from './constraints.ts';
export { contains, equals, type Filter, isNull, oneOf } from './filters.ts';
export { followChanges } from './follow-changes.ts';
export { normalizeId } from './ids.ts';
export type { OpenCollection, PageRows } from './open-collection.ts';
export { createOperation, type Operation } from './operation.ts';
export type { Direction, Position } from './page.ts';
export type { Identified, RecordOf } from './record.ts';
export { recordSchemaOf } from './record-schema.ts';
export type { JsonRow } from './record-shape.ts';
export { warmUp } from './warm-up.ts';
export { CollectionWriter } from './writes.ts';
