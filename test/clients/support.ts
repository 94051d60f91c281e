import { randomUUID } from 'node:crypto';
import { getIntrospectionQuery, type IntrospectionQuery } from 'graphql';

/*
 * The server that run.ts has started for all files. They run at the same time, so each test asks for rows of its own, which it
 * recognizes by their tag.
 */

const variable = (name: string) => {
  const value = process.env[name];
  if (value === undefined) throw new Error(`${name} is not set: run the tests with npm run test:clients.`);
  return value;
};

/** The address for queries, mutations and streams. */
export const url = variable('STATIONMASTER_URL');
export const socketUrl = url.replace('http', 'ws');

/** What a client with the role OPERATOR sends along. */
export const authorization = `Bearer ${variable('STATIONMASTER_TOKEN')}`;

/** The same with the role ADMIN. */
export const adminAuthorization = `Bearer ${variable('STATIONMASTER_ADMIN_TOKEN')}`;

export interface Row {
  readonly id: string;
  readonly name: string;
}

/** Some workstations of one test, the newest first, as lists have them. */
export interface Rack {
  readonly tag: string;
  readonly rows: readonly Row[];
}

/** Adds workstations with a tag of their own. */
export async function addRack(count: number): Promise<Rack> {
  const tag = randomUUID();
  const rows: Row[] = [];
  for (let index = 0; index < count; index++) rows.unshift(await addWorkstation(tag));
  return { tag, rows };
}

export async function addWorkstation(tag: string): Promise<Row> {
  const input = {
    name: randomUUID(),
    hostname: 'lab-1',
    ipAddress: '10.0.0.1',
    operatingSystem: 'Debian 13',
    tags: [tag],
  };
  const document = 'mutation ($input: CreateWorkstationInput!) { createWorkstation(input: $input) { id name } }';
  return (await ask(document, { input })).createWorkstation;
}

export async function setStatus(id: string, status: string): Promise<void> {
  const document =
    'mutation ($id: ID!, $status: WorkstationStatus!) { updateWorkstation(id: $id, input: { status: $status }) { id } }';
  await ask(document, { id, status });
}

/** Changes a row until a client has heard of it: no client tells when its subscription has begun. */
export async function changeUntil<Result>(id: string, heard: Promise<Result>): Promise<Result> {
  let isHeard = false;
  const done = heard.finally(() => {
    isHeard = true;
  });
  for (let turn = 0; !isHeard; turn++) await setStatus(id, turn % 2 === 0 ? 'ONLINE' : 'MAINTENANCE');
  return done;
}

/** The server's schema, as tools ask for it. */
export async function introspect(): Promise<IntrospectionQuery> {
  return (await ask(getIntrospectionQuery({ specifiedByUrl: true }), {})) as IntrospectionQuery;
}

/** Another program that uses the API, without any client. */
export async function ask(query: string, variables: object, sender = authorization): Promise<any> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: sender },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = (await response.json()) as { data: unknown; errors?: unknown };
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

/** Collects what a client hands to its observers, and lets a test wait for it. */
export class Results<Result> {
  readonly #results: Result[] = [];
  #failure: unknown;
  #look = () => {};

  readonly observer = {
    next: (result: Result) => {
      this.#results.push(result);
      this.#look();
    },
    error: (error: unknown) => {
      this.#failure = error ?? new Error('The client gave up.');
      this.#look();
    },
    complete: () => {},
  };

  /** Resolves to the first result, of those so far or later, that is as wanted; those before it are dropped. */
  async until(isWanted: (result: Result) => boolean): Promise<Result> {
    for (;;) {
      while (this.#results.length > 0) {
        const result = this.#results.shift()!;
        if (isWanted(result)) return result;
      }
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => {
        this.#look = resolve;
      });
    }
  }
}
