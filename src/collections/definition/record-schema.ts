import { createHash } from 'node:crypto';
import type { AnyCollection } from './collection.ts';

/** Another text whenever records have other fields, or take them from other columns: a part of the second tier's keys. */
export function recordSchemaOf(definitions: readonly AnyCollection[]): string {
  const fingerprints = definitions.map(({ key, shape }) => `${key}: ${shape.fingerprint}`);
  return createHash('sha256').update(fingerprints.join('\n')).digest('base64url').slice(0, 8);
}
