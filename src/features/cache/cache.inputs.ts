import { Field, InputType, registerEnumType } from 'type-graphql';
import { OrderDirection } from '../../graphql/page-arguments.ts';

export enum CacheEntryOrderField {
  KEY = 'KEY',
  SIZE = 'SIZE',
  AGE = 'AGE',
  EXPIRES = 'EXPIRES',
  HITS = 'HITS',
}

registerEnumType(CacheEntryOrderField, {
  name: 'CacheEntryOrderField',
  description: 'What cache entries can be ordered by. Equal values are ordered by key.',
  valuesConfig: {
    KEY: { description: 'The key, by code unit; beyond 200 characters in no particular order.' },
    SIZE: { description: 'The memory it takes.' },
    AGE: { description: 'The time since it was stored.' },
    EXPIRES: { description: 'The time until it expires.' },
    HITS: {
      description: 'The reads it answered. One that answers more of them meanwhile may be on two pages, or on none.',
    },
  },
});

@InputType({ description: 'The order of a list of cache entries.' })
export class CacheEntryOrder {
  @Field(() => CacheEntryOrderField, { description: 'What to order by.' })
  field!: CacheEntryOrderField;

  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'In which direction.' })
  direction!: OrderDirection;
}
