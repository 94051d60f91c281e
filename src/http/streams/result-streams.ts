import type { ServerResponse } from 'node:http';
import type { GraphQLSchema } from 'graphql';
import type { Logger } from 'pino';
import type { Identity } from '../../auth/identity.ts';
import type { Config } from '../../config/config.ts';
import { StationmasterError } from '../../errors.ts';
import { presentError } from '../../graphql/errors.ts';
import type { AcceptedLiveQuery, AcceptedSubscription, Answer } from '../../operations/operation.ts';
import { runAt, type Timers } from '../../timers.ts';
import { Subscriber } from '../../websocket/broadcast.ts';
import { executionArgsOf, type Subscriptions } from '../../websocket/subscriptions.ts';
import type { StreamCounts } from '../../websocket/websocket-server.ts';
import { resumeAfter } from './last-event-id.ts';
import { ResultStream } from './result-stream.ts';
import type { StreamFormat } from './stream-format.ts';

export interface ResultStreamsParts {
  readonly config: Pick<Config, 'sockets'>;
  readonly counts: StreamCounts;
  readonly logger: Logger;
  readonly schema: GraphQLSchema;
  readonly subscriptions: Subscriptions;
  readonly timers: Timers;
}

/** Where a stream goes. */
export interface StreamTarget {
  readonly response: ServerResponse;
  readonly format: StreamFormat;
  /** Those of every response. */
  readonly headers: Readonly<Record<string, string>>;
  /** The position of the last event that the client has, which was cut off then: it goes on from there. */
  readonly lastEventId: string | undefined;
}

const GOING_AWAY = new StationmasterError('UNAVAILABLE', 'The server is going away; connect again.');
const EXPIRED = new StationmasterError('UNAUTHENTICATED', 'The token has expired.');
const REVOKED = new StationmasterError('UNAUTHENTICATED', 'The key has been revoked.');

/**
 * Streams the results of operations in HTTP responses. A subscription or live query counts as a connection and as a
 * subscription, shares events with those on WebSockets, and ends with its credentials.
 */
export class ResultStreams {
  readonly #parts: ResultStreamsParts;
  readonly #open = new Set<ResultStream>();
  #isClosing = false;

  constructor(parts: ResultStreamsParts) {
    this.#parts = parts;
  }

  /** Sends the one result of an operation that has no more. */
  sendAnswer({ body }: Answer, target: StreamTarget): void {
    const stream = this.#openStream(target);
    stream.complete(String(body).trimEnd());
  }

  /** @throws {StationmasterError} `UNAVAILABLE` when there are too many connections; nothing was sent then */
  start(accepted: AcceptedSubscription | AcceptedLiveQuery, target: StreamTarget): void {
    const { config, counts, timers } = this.#parts;
    if (this.#isClosing) throw GOING_AWAY;
    if (counts.activeConnections >= config.sockets.maxConnections) {
      throw new StationmasterError('UNAVAILABLE', 'There are too many connections; try again.');
    }
    const stream = this.#openStream(target);
    counts.activeConnections += 1;
    stream.onClose(() => {
      counts.activeConnections -= 1;
    });
    this.#endWithCredentials(stream, accepted.context.identity, timers);
    this.#relay(accepted, stream, target.lastEventId).catch((error: unknown) => {
      this.#parts.logger.error({ err: error }, 'a stream of results failed');
      stream.destroy();
    });
  }

  /** Ends all streams; clients connect again, elsewhere. */
  close(): void {
    this.#isClosing = true;
    for (const stream of this.#open) this.#interrupt(stream, GOING_AWAY);
  }

  #openStream({ response, format, headers }: StreamTarget): ResultStream {
    const { config, counts, timers } = this.#parts;
    const stream = new ResultStream(response, {
      format,
      headers,
      maxQueuedBytes: config.sockets.maxQueuedBytes,
      onCoalesced: () => {
        counts.coalescedEvents += 1;
      },
      timers,
    });
    this.#open.add(stream);
    stream.onClose(() => this.#open.delete(stream));
    return stream;
  }

  async #relay(
    accepted: AcceptedSubscription | AcceptedLiveQuery,
    stream: ResultStream,
    lastEventId: string | undefined,
  ): Promise<void> {
    const { schema, subscriptions } = this.#parts;
    if (accepted.kind === 'live') return this.#follow(subscriptions.startLive(accepted, stream.deliver), stream);
    const args = executionArgsOf(accepted, schema);
    const document = lastEventId ? resumeAfter(args.document, lastEventId, schema) : args.document;
    const whenReady = () => stream.whenDrained();
    const started = await subscriptions.start({ ...args, document }, { deliver: stream.deliver, whenReady });
    if (started instanceof Subscriber) return this.#follow(started, stream);
    stream.complete(JSON.stringify(subscriptions.present(args, started)));
  }

  async #follow(subscriber: Subscriber, stream: ResultStream): Promise<void> {
    stream.onClose(() => subscriber.return());
    try {
      await subscriber.next();
      stream.complete();
    } catch (error) {
      stream.complete(JSON.stringify({ errors: [this.#present(error)] }));
    }
  }

  #endWithCredentials(stream: ResultStream, { expiresAtMs, onRevoked }: Identity, timers: Timers): void {
    if (expiresAtMs !== null) stream.onClose(runAt(expiresAtMs, timers, () => this.#interrupt(stream, EXPIRED)));
    if (onRevoked) stream.onClose(onRevoked(() => this.#interrupt(stream, REVOKED)));
  }

  #interrupt(stream: ResultStream, error: StationmasterError): void {
    stream.interrupt(this.#present(error));
  }

  #present(error: unknown) {
    return presentError(error, { logger: this.#parts.logger });
  }
}
