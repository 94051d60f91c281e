import { setMaxListeners } from 'node:events';
import { createServer } from 'node:http';
import { useServer } from 'graphql-ws/use/ws';
import { createPubSub, createSchema, createYoga } from 'graphql-yoga';
import { WebSocketServer } from 'ws';
import { announce } from '../measured-process.ts';
import { CHANGED, type Change, createContext, type Publisher, RESOLVERS, statements, TYPE_DEFS } from './fleet.ts';
import { listen } from './listen.ts';

/* graphql-ws on ws, as its documentation shows it, with Yoga beside it for mutations and Yoga's publisher for events. */

// Each subscriber listens to the topic.
setMaxListeners(0);
const topics = createPubSub<{ [CHANGED]: [Change] }>();
const pubsub: Publisher = {
  publish: ({ topic, payload }) => topics.publish(topic, payload),
  subscribe: (topic) => topics.subscribe(topic),
};
const context = () => ({ ...createContext(), pubsub });
const schema = createSchema<ReturnType<typeof context>>({ typeDefs: TYPE_DEFS, resolvers: RESOLVERS as never });
const server = createServer(createYoga({ schema, context, logging: false, graphiql: false, landingPage: false }));
useServer({ schema, context }, new WebSocketServer({ server, path: '/graphql' }));

announce({ url: await listen(server), statements });
