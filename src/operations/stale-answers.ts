import type { ApolloServerPlugin } from '@apollo/server';
import type { Context } from '../graphql/context.ts';

/**
 * Marks answers in which a value stood in for one that the database could not be asked for: `extensions.stale` is true,
 * and nobody may store the answer.
 */
export const markStaleAnswers: ApolloServerPlugin<Context> = {
  async requestDidStart() {
    return {
      async willSendResponse({ contextValue, response }) {
        if (contextValue.reads.stale === 0 || response.body.kind !== 'single') return;
        const { singleResult } = response.body;
        singleResult.extensions = { ...singleResult.extensions, stale: true };
        response.http.headers.set('cache-control', 'no-store');
      },
    };
  },
};
