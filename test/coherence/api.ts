import { Agent, request } from 'node:http';
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
  /** @throws {RefusedError} when the request had no effect; after any other error that is unknown */
  ask(query: string, variables?: Record<string, unknown>): Promise<Answer>;
  close(): void;
}

const DEADLINE_MS = 6000;
/** Codes of errors that the server reports before it commits anything. */
const REFUSALS = new Set(['BAD_USER_INPUT', 'NOT_FOUND', 'CONFLICT', 'STALE_VERSION', 'RATE_LIMITED']);

export function createApi({ url }: Instance, token: string): Api {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  return {
    async ask(query, variables) {
      const { data, errors, extensions } = await post(url, agent, token, JSON.stringify({ query, variables }));
      if (errors?.length > 0) {
        const [{ message, extensions: details }] = errors;
        const text = `${details?.code}: ${message}`;
        throw REFUSALS.has(details?.code) ? new RefusedError(text) : new Error(text);
      }
      return { data, isStale: extensions?.stale === true };
    },
    close: () => agent.destroy(),
  };
}

function post(url: string, agent: Agent, token: string, body: string): Promise<any> {
  return new Promise((resolve, reject) => {
    const headers = {
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(body),
      authorization: `Bearer ${token}`,
    };
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const sent = request(`${url}/graphql`, { method: 'POST', agent, headers, signal }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        try {
          resolve(JSON.parse(Buffer.concat(chunks).toString()));
        } catch (error) {
          reject(error);
        }
      });
    });
    sent.on('error', (error: NodeJS.ErrnoException) => {
      // No server was listening, so the request had no effect.
      reject(error.code === 'ECONNREFUSED' ? new RefusedError(error.message) : error);
    });
    sent.end(body);
  });
}
