import { CombinedGraphQLErrors, ServerError } from '@apollo/client/errors';

/** An error of the API, in words for people. */
export interface Problem {
  /** One of the API's codes, or `NETWORK` when it could not be asked. */
  readonly code: string;
  readonly text: string;
  /** The path of the one input at fault, such as `input.name`. */
  readonly field: string | null;
}

export interface ApiError {
  readonly message: string;
  readonly extensions?: Readonly<Record<string, unknown>> | undefined;
}

/** The codes whose messages are written for developers, or need advice. */
const PLAIN_TEXTS: Readonly<Record<string, string>> = {
  UNAVAILABLE: 'The server cannot reach its database just now. Nothing was changed. Try again in a moment.',
  RATE_LIMITED: 'Too many requests were sent in a short time. Wait a little, then try again.',
  FORBIDDEN: 'Your role does not allow this.',
  UNAUTHENTICATED: 'You are not signed in, or your session has ended. Sign in again.',
  STALE_VERSION: 'Somebody else changed this since you opened it. Load it again, then repeat your change.',
  INTERNAL_SERVER_ERROR: 'The server failed to answer. Its log says why.',
  NETWORK: 'The server cannot be reached. Check that it runs, then try again.',
};

/** @param error what Apollo Client threw */
export function explain(error: unknown): Problem {
  return explainApiError(findApiError(error));
}

/** @param error as the API wrote it; `undefined`: there was no answer, or none of the API */
export function explainApiError(error: ApiError | undefined): Problem {
  if (!error) return { code: 'NETWORK', text: PLAIN_TEXTS.NETWORK!, field: null };
  const code = String(error.extensions?.code ?? 'INTERNAL_SERVER_ERROR');
  const field = error.extensions?.field;
  return {
    code,
    text: PLAIN_TEXTS[code] ?? withoutVariable(error.message),
    field: typeof field === 'string' ? field : null,
  };
}

/** What is wrong with a value, without the name that the document has for it: the field says where it is. */
function withoutVariable(message: string): string {
  return message.replace(/^Variable "\$\w+" got invalid value .*?(?: at "[^"]+")?; /s, '');
}

/** What the API said, by the error that Apollo Client threw; `undefined`: nothing. */
export function findApiError(error: unknown): ApiError | undefined {
  if (CombinedGraphQLErrors.is(error)) return error.errors[0];
  if (ServerError.is(error)) return readBody(error.bodyText);
  return undefined;
}

/** Requests that are refused before anything is executed have the same shape as other errors. */
export function readBody(text: string): ApiError | undefined {
  try {
    return JSON.parse(text).errors?.[0];
  } catch {
    return undefined;
  }
}
