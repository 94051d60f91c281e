import { EXIT_CODE, Failure, Unavailable } from './failure.ts';

/** What a machine says of itself when it enrolls. */
export interface Machine {
  readonly machineId: string;
  readonly name?: string;
  readonly hostname: string;
  readonly ipAddress: string;
  readonly operatingSystem: string;
}

/** What the server gave a machine when it enrolled. */
export interface Credentials {
  readonly workstationId: string;
  readonly key: string;
}

/** Percentages, 0 to 100; what is missing could not be measured. */
export interface Reading {
  readonly cpuUsage?: number;
  readonly memoryUsage?: number;
  readonly diskUsage?: number;
}

/**
 * A Stationmaster.
 * @throws {Unavailable} each method, where it helps to try again
 * @throws {Failure} each method, where it does not
 */
export interface Server {
  enroll(token: string, machine: Machine, signal: AbortSignal): Promise<Credentials>;
  report(credentials: Credentials, reading: Reading, signal: AbortSignal): Promise<void>;
}

const TIMEOUT_MS = 10_000;

const ENROLL = `mutation Enroll($token: String!, $input: EnrollAgentInput!) {
  enrollAgent(token: $token, input: $input) { key workstation { id } }
}`;
const REPORT = `mutation Report($readings: [TelemetryReading!]!) {
  reportTelemetry(readings: $readings) { rejected { message } }
}`;

/** @param url the server's, such as `https://fleet.example.com`, with or without `/graphql` */
export function connectTo(url: string): Server {
  const endpoint = endpointOf(url);
  return {
    async enroll(token, machine, signal) {
      const { enrollAgent } = await ask<{ enrollAgent: { key: string; workstation: { id: string } } }>(
        endpoint,
        { query: ENROLL, variables: { token, input: machine } },
        {},
        signal,
      );
      return { workstationId: enrollAgent.workstation.id, key: enrollAgent.key };
    },
    async report({ workstationId, key }, reading, signal) {
      const operation = { query: REPORT, variables: { readings: [{ workstationId, ...reading }] } };
      const headers = { authorization: `Bearer ${key}` };
      const { reportTelemetry } = await ask<{ reportTelemetry: { rejected: { message: string }[] } }>(
        endpoint,
        operation,
        headers,
        signal,
      );
      const [rejected] = reportTelemetry.rejected;
      // The next reading may be a good one.
      if (rejected) throw new Unavailable(`The server rejects the reading: ${rejected.message}`);
    },
  };
}

function endpointOf(url: string): string {
  const parsed = URL.canParse(url) ? new URL(url) : null;
  if (!parsed || !/^https?:$/.test(parsed.protocol)) {
    throw new Failure(EXIT_CODE.usage, '--url must be the address of a server, such as https://fleet.example.com.');
  }
  if (!parsed.pathname.endsWith('/graphql')) parsed.pathname = `${parsed.pathname.replace(/\/$/, '')}/graphql`;
  return parsed.href;
}

interface Answered<Data> {
  readonly data?: Data | null;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

async function ask<Data>(
  endpoint: string,
  operation: object,
  headers: Record<string, string>,
  signal: AbortSignal,
): Promise<Data> {
  const response = await fetch(endpoint, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(operation),
    signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
  }).catch(explainSilence);
  const answered = (await response.json().catch(() => ({}))) as Answered<Data>;
  const [error] = answered.errors ?? [];
  if (error) throw explainError(error.message, error.extensions?.code, response.headers.get('retry-after'));
  if (!answered.data) throw new Unavailable(`The server answers with ${response.status} and no GraphQL.`);
  return answered.data;
}

function explainSilence(error: Error & { readonly cause?: { readonly code?: string } }): never {
  const reason = error.name === 'TimeoutError' ? 'no answer in time' : (error.cause?.code ?? error.message);
  throw new Unavailable(`The server cannot be reached (${reason}).`);
}

const FINAL: Readonly<Record<string, number>> = {
  UNAUTHENTICATED: EXIT_CODE.notPermitted,
  FORBIDDEN: EXIT_CODE.notPermitted,
  BAD_USER_INPUT: EXIT_CODE.badConfiguration,
  CONFLICT: EXIT_CODE.badConfiguration,
  PERSISTED_QUERY_NOT_IN_LIST: EXIT_CODE.badConfiguration,
};

function explainError(message: string, code = '', retryAfter: string | null): Failure | Unavailable {
  const exitCode = FINAL[code];
  const line = `The server refuses: ${message}`;
  if (exitCode !== undefined) return new Failure(exitCode, line);
  return new Unavailable(line, Number(retryAfter) * 1000 || 0);
}
