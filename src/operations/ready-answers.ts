import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { Identity } from '../auth/identity.ts';
import { createContext } from '../graphql/context.ts';
import { chooseMediaType } from '../http/graphql-over-http.ts';
import type { DirectExecution, DirectQuery } from './direct-execution.ts';
import type { Requester } from './rate-limit.ts';
import type { RequestObserver } from './request-log.ts';
import type { ResponseCache } from './response-cache.ts';

export interface ReadyAnswersParts {
  readonly responses: ResponseCache;
  /** What executes the queries that need nothing else; `null` when each has to be looked at by somebody else first. */
  readonly direct: DirectExecution | null;
  /** Who is asking, where that can be told at once; `null` otherwise. */
  readonly known: (authorization: string | undefined) => Identity | null;
  /** Counts a request against its sender's rate limit, and says whether it may be answered now. */
  readonly mayAsk: (identity: Identity, requester: Requester) => boolean;
  readonly logger: Logger;
  readonly metrics: RequestObserver;
}

export interface Answer {
  readonly body: Buffer;
  readonly contentType: string;
}

export interface Recognized {
  readonly requester: Requester;
  readonly requestId: string;
  readonly identity: Identity;
  readonly body: Buffer;
  readonly text: string;
  /** Where the answer is kept. */
  readonly key: string;
}

/**
 * Answers requests that need nothing but a look: by a known sender, and either kept, or to a query that is compiled.
 * Routing, hooks and the making of a reply cost about as much again as all of Node's part in sending a kept answer.
 */
export class ReadyAnswers {
  readonly #parts: ReadyAnswersParts;

  constructor(parts: ReadyAnswersParts) {
    this.#parts = parts;
  }

  /** Authorization comes first, and counts from the moment that the request is there as a whole. */
  recognize(requester: Requester, body: Buffer, text: string): Recognized | null {
    const { headers } = requester;
    const identity = this.#parts.known(headers.authorization);
    if (!identity) return null;
    const key = this.#parts.responses.keyOf(identity, headers.accept, `POST ${text}`);
    return key === null ? null : { requester, requestId: requestIdOf(requester), identity, body, text, key };
  }

  /** The kept answer. Who asks too often is refused by somebody else, and counted there. */
  findKept({ key, identity, requester }: Recognized): Answer | null {
    const { metrics, mayAsk, responses } = this.#parts;
    const startedAtMs = performance.now();
    const kept = responses.get(key);
    if (!kept || !mayAsk(identity, requester)) return null;
    const durationSeconds = (performance.now() - startedAtMs) / 1000;
    metrics.observeRequest({ type: 'query', outcome: 'hit', durationSeconds });
    return kept;
  }

  /** What there is to execute at once, after the request was counted; `null` when it needs more than that. */
  findQuery({ requester, identity, body, text }: Recognized): DirectQuery | null {
    const { direct, mayAsk } = this.#parts;
    if (!direct || requester.headers.accept?.includes('text/html') || !isUtf8(body)) return null;
    const query = direct.find(parseIfPossible(text));
    return query && mayAsk(identity, requester) ? query : null;
  }

  /** `null` when somebody else has to execute it after all. */
  async execute(query: DirectQuery, { requester, requestId, identity, key }: Recognized): Promise<Answer | null> {
    const { responses, logger } = this.#parts;
    const contentType = chooseMediaType(requester.headers.accept);
    const context = createContext({ requestId, identity, logger });
    const text = contentType && (await query(context));
    const { answer, reads } = context;
    // A stale answer has headers of its own.
    if (text === null || reads.stale > 0) return null;
    const made = { body: Buffer.from(text), contentType: contentType!, operationName: answer.operationName };
    if (answer.isCacheable) responses.keep(key, made, reads);
    return made;
  }
}

function parseIfPossible(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

/** An id that could not be mistaken for anything else in a log; the client's own where it has one. */
export function requestIdOf({ headers }: Pick<IncomingMessage, 'headers'>): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && /^[\w.-]{1,64}$/.test(given) ? given : randomUUID();
}
