import { createServer } from 'node:http';
import { type Cache, createInMemoryCache, useResponseCache } from '@graphql-yoga/plugin-response-cache';
import { createSchema, createYoga } from 'graphql-yoga';
import { announce } from '../measured-process.ts';
import { createContext, RESOLVERS, statements, TYPE_DEFS } from './fleet.ts';
import { listen } from './listen.ts';

/*
 * GraphQL Yoga. With `cached`, its response cache is on, which drops a response when a mutation's response contains one
 * of its objects.
 */

const isCached = process.argv.includes('cached');

const newCache = () => createInMemoryCache({ max: 50_000 });
let kept = newCache();
// The plugin's cache cannot be emptied, so a new one replaces it.
const cache: Cache = {
  get: (...args) => kept.get(...args),
  set: (...args) => kept.set(...args),
  invalidate: (...args) => kept.invalidate(...args),
};

const yoga = createYoga({
  schema: createSchema({ typeDefs: TYPE_DEFS, resolvers: RESOLVERS as never }),
  context: createContext,
  logging: false,
  graphiql: false,
  landingPage: false,
  plugins: isCached ? [useResponseCache({ session: () => null, ttl: 300_000, cache })] : [],
});

const url = await listen(createServer(yoga));
announce({
  url,
  statements,
  clear: () => {
    kept = newCache();
  },
});
