import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';
import { SetContextLink } from '@apollo/client/link/context';
import { ErrorLink } from '@apollo/client/link/error';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { endSession, getSession, onSessionChange } from '../session/session.ts';
import { findApiError } from './errors.ts';
import { isStreamed } from './is-streamed.ts';
import { createSocket } from './socket.ts';

/** Subscriptions and live queries go over the WebSocket, everything else over HTTP. */
export function createApolloClient(): ApolloClient {
  const authorize = new SetContextLink(({ headers }) => {
    const { token } = getSession();
    return token === null ? { headers } : { headers: { ...headers, authorization: `Bearer ${token}` } };
  });
  const noticeEnd = new ErrorLink(({ error }) => {
    if (isUnauthenticated(error)) endSession(findApiError(error)?.message ?? null);
  });
  const client = new ApolloClient({
    link: noticeEnd.concat(
      ApolloLink.split(
        ({ query }) => isStreamed(query),
        new GraphQLWsLink(createSocket()),
        authorize.concat(new HttpLink({ uri: '/graphql' })),
      ),
    ),
    // To share a result it would keep every answer to a live query, for as long as the query runs.
    queryDeduplication: false,
    cache: new InMemoryCache({ possibleTypes: { Node: ['Workstation', 'Manager'] } }),
    defaultOptions: { watchQuery: { fetchPolicy: 'cache-and-network' } },
  });
  let { token } = getSession();
  onSessionChange(() => {
    const changed = getSession().token;
    if (changed === token) return;
    token = changed;
    // What one caller was shown is not the next one's to see.
    void client.resetStore().catch(() => {});
  });
  return client;
}

function isUnauthenticated(error: unknown): boolean {
  if (CombinedGraphQLErrors.is(error)) return error.errors.some((one) => one.extensions?.code === 'UNAUTHENTICATED');
  return ServerError.is(error) && error.statusCode === 401;
}
