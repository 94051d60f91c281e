import { Connection, post } from '../../bench/connection.ts';
import type { Instance } from './instances.ts';

export interface Answer {
  readonly data: Record<string, any>;
  readonly isStale: boolean;
}

/** The server refused the request, so the request had no effect. */
export class RefusedError extends Error {
  override readonly name = 'RefusedError';
}

/** A client of one instance that sends one request after the other on a persistent connection. */
export interface Api {
  /** The position of the last answer that had one; `null`: none had. */
  readonly position: string | null;
  /**
   * @param readAfter the position that the answer must reach
   * @throws {RefusedError} when the request had no effect; after any other error that is unknown
   */
  ask(query: string, variables?: Record<string, unknown>, readAfter?: string | null): Promise<Answer>;
  close(): void;
}

const DEADLINE_MS = 6000;
/** Codes of errors that the server reports before it commits anything. */
const REFUSALS = new Set(['BAD_USER_INPUT', 'NOT_FOUND', 'CONFLICT', 'STALE_VERSION', 'RATE_LIMITED']);

export function createApi({ url }: Instance, token: string): Api {
  const client = new Client(url);
  let position: string | null = null;
  return {
    get position() {
      return position;
    },
    async ask(query, variables, readAfter = null) {
      const body = JSON.stringify({ query, variables });
      const headers: Record<string, string> = readAfter === null ? {} : { 'x-read-after': readAfter };
      const { data, errors, extensions } = await client.exchange(post(url, body, `Bearer ${token}`, headers));
      if (errors?.length > 0) {
        const [{ message, extensions: details }] = errors;
        const text = `${details?.code}: ${message}`;
        throw REFUSALS.has(details?.code) ? new RefusedError(text) : new Error(text);
      }
      position = extensions?.position ?? position;
      return { data, isStale: extensions?.stale === true };
    },
    close: () => client.close(),
  };
}

/** Connects with the first request, and again with the first one after the connection has ended. */
class Client {
  readonly #url: string;
  #connection: Connection | null = null;
  #isBusy = false;

  constructor(url: string) {
    this.#url = url;
  }

  /** @throws {Error} also while another request is under way: the order of their answers would say nothing */
  async exchange(request: Buffer): Promise<any> {
    if (this.#isBusy) throw new Error('The client waits for an answer.');
    this.#isBusy = true;
    try {
      this.#connection ??= await connect(this.#url);
      return await this.#exchangeOn(this.#connection, request);
    } finally {
      this.#isBusy = false;
    }
  }

  async #exchangeOn(connection: Connection, request: Buffer): Promise<any> {
    const { promise, resolve, reject } = Promise.withResolvers<any>();
    const deadline = setTimeout(() => connection.onFailure(new Error('No answer in time.')), DEADLINE_MS);
    connection.onFailure = (error) => {
      this.close();
      reject(error);
    };
    connection.onAnswer = (_status, body, head) => {
      try {
        resolve(JSON.parse(body.toString()));
      } catch (error) {
        reject(error);
      }
      // The server drains: a request on this connection would be lost.
      if (CLOSING.test(head)) this.close();
    };
    connection.send(request);
    try {
      return await promise;
    } finally {
      clearTimeout(deadline);
      connection.onFailure = () => this.close();
    }
  }

  close(): void {
    this.#connection?.close();
    this.#connection = null;
  }
}

const CLOSING = /\r\nconnection: close/i;

async function connect(url: string): Promise<Connection> {
  try {
    return await Connection.open(url, () => {});
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // No server was listening, so the request had no effect.
    throw code === 'ECONNREFUSED' ? new RefusedError(message) : error;
  }
}
