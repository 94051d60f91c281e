import 'reflect-metadata';
import { ApolloServer } from '@apollo/server';
import { ApolloServerPluginCacheControl } from '@apollo/server/plugin/cacheControl';
import responseCachePlugin from '@apollo/server-plugin-response-cache';
import { InMemoryLRUCache } from '@apollo/utils.keyvaluecache';
import { fastifyApolloHandler } from '@as-integrations/fastify';
import { MikroORM, PostgreSqlDriver } from '@mikro-orm/postgresql';
import { fastify } from 'fastify';
import { buildSchema } from 'type-graphql';
import { announce, countStatements } from '../measured-process.ts';
import { type Context, createLoaders } from './apollo.loaders.ts';
import { Manager, ManagerResolver, Workstation, WorkstationResolver } from './apollo.resolvers.ts';

/*
 * Apollo Server, TypeGraphQL, MikroORM and DataLoader as most teams combine them: entities double as object types, each
 * request has its own entity manager, loaders fetch relations. With `cached`, Apollo's response cache is on.
 */

const isCached = process.argv.includes('cached');
const MAX_AGE_SECONDS = 300;

const statements = countStatements(import.meta.resolve('@mikro-orm/postgresql'));
const orm = await MikroORM.init({
  driver: PostgreSqlDriver,
  clientUrl: process.env.DATABASE_URL!,
  entities: [Workstation, Manager],
  pool: { min: 0, max: 10 },
});

const cache = new InMemoryLRUCache({ maxSize: 256 * 1024 * 1024 });
const apollo = new ApolloServer<Context>({
  schema: await buildSchema({ resolvers: [WorkstationResolver, ManagerResolver], validate: false }),
  cache,
  plugins: isCached ? [ApolloServerPluginCacheControl({ defaultMaxAge: MAX_AGE_SECONDS }), responseCachePlugin()] : [],
});
await apollo.start();

const app = fastify();
app.route({
  method: ['GET', 'POST'],
  url: '/graphql',
  handler: fastifyApolloHandler(apollo, {
    context: async () => {
      const em = orm.em.fork();
      return { em, loaders: createLoaders(em) };
    },
  }),
});

const url = await app.listen({ host: '127.0.0.1', port: 0, backlog: 2048 });
announce({ url, statements, clear: () => cache.clear() });
