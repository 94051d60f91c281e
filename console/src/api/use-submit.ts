import type { OperationVariables, TypedDocumentNode } from '@apollo/client';
import { useMutation } from '@apollo/client/react';
import { useState } from 'react';
import { explain, type Problem } from './errors.ts';

export interface Submission<Data, Variables> {
  /** Resolves to what the API answered, or to `null` when it refused: then `problem` says why. */
  submit(variables: Variables): Promise<Data | null>;
  readonly isBusy: boolean;
  /** Of the last submission. */
  readonly problem: Problem | null;
  /** Forgets the problem. */
  reset(): void;
}

/** A mutation for a form: errors are values, not exceptions, so that the form stays as it was filled in. */
export function useSubmit<Data, Variables extends OperationVariables>(
  mutation: TypedDocumentNode<Data, Variables>,
): Submission<Data, Variables> {
  const [problem, setProblem] = useState<Problem | null>(null);
  const [run, { loading }] = useMutation<Data, OperationVariables>(mutation);
  return {
    isBusy: loading,
    problem,
    reset: () => setProblem(null),
    async submit(variables) {
      setProblem(null);
      try {
        const { data } = await run({ variables });
        return data ?? null;
      } catch (error) {
        setProblem(explain(error));
        return null;
      }
    },
  };
}

/** What the API has against one field of a form: `name` for an error at `input.name`; `tags` also for one at `input.tags[2]`. */
export function fieldError(problem: Problem | null, field: string): string | null {
  return problem && fieldOf(problem) === field ? problem.text : null;
}

/** The problem, unless it belongs to one of the fields, where it is shown. */
export function formProblem(problem: Problem | null, fields: readonly string[]): Problem | null {
  const field = problem && fieldOf(problem);
  return field && fields.includes(field) ? null : problem;
}

function fieldOf({ field }: Problem): string | null {
  return field?.replace(/^input\./, '').split(/[.[]/)[0] ?? null;
}
