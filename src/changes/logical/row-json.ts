import { types } from 'pg';
import type { Relation, Tuple } from './pgoutput.ts';

/** The OIDs of built-in types whose JSON is not that of a text. */
const TYPE = {
  ...{ bool: 16, int8: 20, int2: 21, int4: 23, json: 114, float4: 700, float8: 701 },
  ...{ textArray: 1009, varcharArray: 1015, timestamp: 1114, timestamptz: 1184, numeric: 1700, jsonb: 3802 },
};

type ToJson = (text: string) => string;

/** What JSON calls a number; PostgreSQL knows `NaN` and `Infinity` as well, and puts them into quotes. */
const number: ToJson = (text) => (/\d/.test(text) ? text : `"${text}"`);
const asIs: ToJson = (text) => text;
const parseTexts = types.getTypeParser(TYPE.textArray) as (text: string) => unknown;
const texts: ToJson = (text) => JSON.stringify(parseTexts(text));

/** PostgreSQL writes times by ISO 8601 in JSON, and with a space and a shorter offset elsewhere. The session is in UTC. */
const time: ToJson = (text) => `"${text.replace(' ', 'T').replace(/\+00(?=$| )/, '+00:00')}"`;

const CONVERSIONS: ReadonlyMap<number, ToJson> = new Map([
  [TYPE.bool, (text: string) => (text === 't' ? 'true' : 'false')],
  ...[TYPE.int2, TYPE.int4, TYPE.int8].map((type) => [type, asIs] as const),
  ...[TYPE.float4, TYPE.float8, TYPE.numeric].map((type) => [type, number] as const),
  ...[TYPE.json, TYPE.jsonb].map((type) => [type, asIs] as const),
  ...[TYPE.textArray, TYPE.varcharArray].map((type) => [type, texts] as const),
  ...[TYPE.timestamp, TYPE.timestamptz].map((type) => [type, time] as const),
]);

/**
 * Writes rows of one table as `to_json()` does, from the texts of their values. A value of any other type becomes a text, which
 * a column of another kind refuses to be read from.
 */
export class RowJson {
  readonly #columns: readonly { readonly key: string; readonly toJson: ToJson }[];
  readonly #id: number;
  readonly #version: number;

  constructor({ columns }: Relation) {
    this.#columns = columns.map(({ name, type }) => ({
      key: `${JSON.stringify(name)}:`,
      toJson: CONVERSIONS.get(type) ?? JSON.stringify,
    }));
    this.#id = columns.findIndex(({ name }) => name === 'id');
    this.#version = columns.findIndex(({ name }) => name === 'row_version');
  }

  /** What names the row and its state, without braces; `null` where the tuple does not tell. */
  identity(tuple: Tuple): string | null {
    const [id, version] = [tuple[this.#id], tuple[this.#version]];
    return id == null || version == null ? null : `"id":${JSON.stringify(id)},"version":${version}`;
  }

  /** The whole row; `null` where a value is missing. */
  whole(tuple: Tuple): string | null {
    return tuple.includes(undefined) ? null : this.#write(tuple, () => true);
  }

  /** The columns of the row before that differ from the row after. */
  differing(before: Tuple, after: Tuple): string {
    return this.#write(before, (value, index) => value !== after[index]);
  }

  #write(tuple: Tuple, isWanted: (value: string | null, index: number) => boolean): string {
    let text = '{';
    for (let index = 0; index < this.#columns.length; index++) {
      const value = tuple[index] ?? null;
      if (!isWanted(value, index)) continue;
      const { key, toJson } = this.#columns[index]!;
      if (text.length > 1) text += ',';
      text += key + (value === null ? 'null' : toJson(value));
    }
    return `${text}}`;
  }
}

/** Fills what an update left out, because it is large and unchanged, from the row before. */
export function completed(after: Tuple, before: Tuple | null): Tuple {
  return before === null ? after : after.map((value, index) => (value === undefined ? before[index] : value));
}
