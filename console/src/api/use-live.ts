import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { useApolloClient } from '@apollo/client/react';
import { useEffect, useRef, useState } from 'react';
import { useSession } from '../session/session.ts';
import { explain, type Problem } from './errors.ts';

const RETRY_MS = 3000;

export interface LiveResult<Data> {
  /** The newest answer. After a change of the variables, that of the former ones until there is one. */
  readonly data: Data | undefined;
  /** Whether the first answer to these variables is still awaited. */
  readonly isLoading: boolean;
  /** `null` as long as answers arrive. With one, `data` is the last that did, unless the role does not allow it any more. */
  readonly problem: Problem | null;
}

export interface LiveOptions<Variables> {
  readonly variables: Variables;
  /** Keeps what there is. What it does not have yet, such as the answer to other variables, is asked for once. */
  readonly isPaused?: boolean;
}

/**
 * Follows a live query: a document with `@live`, whose answer the server sends again whenever it has changed. It goes on by
 * itself after a loss of the connection, and after another sign-in.
 *
 * Answers bypass the client's cache: paging through a large fleet would fill it with rows that are no longer shown.
 */
export function useLive<Data, Variables extends OperationVariables>(
  query: TypedDocumentNode<Data, Variables>,
  { variables, isPaused = false }: LiveOptions<Variables>,
): LiveResult<Data> {
  const client = useApolloClient();
  const { token } = useSession();
  const key = JSON.stringify(variables);
  const latest = useRef(variables);
  latest.current = variables;
  const [answer, setAnswer] = useState<{ readonly data: Data; readonly key: string }>();
  /** Whom `answer` was for, and what they asked. */
  const answered = useRef<string | null>(null);
  const [failure, setFailure] = useState<{ readonly problem: Problem; readonly key: string } | null>(null);

  // `key` stands for the variables. A new token asks anew.
  useEffect(() => {
    const asking = JSON.stringify([token, key]);
    if (isPaused && answered.current === asking) return;
    const asked = latest.current;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const observed = client.watchQuery<Data, Variables>({
      query,
      variables: asked,
      fetchPolicy: 'no-cache',
      errorPolicy: 'all',
      // To let equal queries share a request, Apollo Client keeps all of its answers until it ends. This one does not end, and
      // the server executes equal live queries once.
      context: { queryDeduplication: false },
    } as Parameters<typeof client.watchQuery<Data, Variables>>[0]);
    const subscription = observed.subscribe(({ data, dataState, error }) => {
      if (error) {
        const problem = explain(error);
        setFailure({ problem, key });
        // What one caller was shown is not the next one's to see.
        if (problem.code === 'FORBIDDEN') setAnswer(undefined);
        if (problem.code === 'NETWORK') timer = setTimeout(() => void observed.refetch().catch(() => {}), RETRY_MS);
      } else if (dataState === 'complete') {
        setAnswer({ data: data as Data, key });
        setFailure(null);
        answered.current = asking;
        if (isPaused) subscription.unsubscribe();
      }
    });
    return () => {
      clearTimeout(timer);
      subscription.unsubscribe();
    };
  }, [client, query, key, token, isPaused]);

  return {
    data: answer?.data,
    isLoading: answer?.key !== key,
    problem: failure?.key === key ? failure.problem : null,
  };
}
