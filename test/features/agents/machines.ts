import type { Answer, TestApp } from '../../support/test-app.ts';

export const CREATE = `mutation ($input: CreateAgentEnrollmentInput!) {
  createAgentEnrollment(input: $input) { id label token maxUses uses createdAt expiresAt revokedAt } }`;
export const ENROLL = `mutation ($token: String!, $input: EnrollAgentInput!) { enrollAgent(token: $token, input: $input) {
  key workstation { id name hostname ipAddress operatingSystem status machineId lastSeenAt } } }`;
export const REPORT = `mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored unknownIds } }`;
export const LIST = '{ agentEnrollments { id label maxUses uses createdAt expiresAt revokedAt } }';

export interface Asked {
  /** The credentials behind `Bearer`; without them the request is anonymous. */
  readonly key?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Sends an operation as an agent does. */
export async function post(
  url: string,
  query: string,
  variables: object,
  { key, headers }: Asked = {},
): Promise<Answer> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }), ...headers },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answer;
}

/** What a machine says of itself. */
export function machine(machineId: string, more: object = {}) {
  return {
    machineId,
    name: `name of ${machineId}`,
    hostname: `${machineId}.fleet.example`,
    ipAddress: '10.1.2.3',
    operatingSystem: 'Debian GNU/Linux 13',
    ...more,
  };
}

export async function createToken(testApp: TestApp, input: object = {}): Promise<{ id: string; token: string }> {
  const { data } = await testApp.ask(CREATE, { variables: { input: { label: 'lab', ...input } } });
  return data.createAgentEnrollment;
}

export async function enroll(
  testApp: TestApp,
  token: string,
  input: object,
): Promise<{ key: string; workstation: any }> {
  const { data, errors } = await post(testApp.app.url, ENROLL, { token, input });
  if (errors) throw new Error(errors[0]!.message);
  return data.enrollAgent;
}
