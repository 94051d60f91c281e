import { Type } from '@mikro-orm/core';
import { writeArray } from '../../database/array-text.ts';

/** The type of a `text[]` column. MikroORM's own writes the text `null` as a null. */
export class TextsType extends Type<string[], string> {
  override convertToDatabaseValue(value: string[]): string {
    return writeArray(value);
  }

  override getColumnType(): string {
    return 'text[]';
  }
}
