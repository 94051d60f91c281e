/* A client that reads and edits workstations of a server process, as an operator's front-end does. */

export interface Outcome {
  readonly data?: any;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
  readonly extensions?: { readonly stale?: boolean };
}

export interface Operator {
  ask(query: string): Promise<Outcome>;
  /** The version that the row then has; or the code of the error. */
  update(id: string, operatingSystem: string): Promise<number | string>;
  /** The row, `null` if there is none, or the code of the error; `stale` in place of a row that is marked as such. */
  read(id: string): Promise<{ version: number; operatingSystem: string } | null | string>;
  readiness(): Promise<{ readonly status: number; readonly details: Record<string, unknown> }>;
}

export function createOperator(url: string): Operator {
  async function ask(query: string): Promise<Outcome> {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query }),
    });
    return (await response.json()) as Outcome;
  }
  return {
    ask,
    async update(id, operatingSystem) {
      const { data, errors } = await ask(
        `mutation { updateWorkstation(id: "${id}", input: { operatingSystem: "${operatingSystem}" }) { version } }`,
      );
      return errors ? errors[0]!.extensions.code : data.updateWorkstation.version;
    },
    async read(id) {
      const { data, errors, extensions } = await ask(`{ workstation(id: "${id}") { version operatingSystem } }`);
      if (errors) return errors[0]!.extensions.code;
      return extensions?.stale ? 'stale' : data.workstation;
    },
    async readiness() {
      const response = await fetch(`${url}/readyz`);
      const { details } = (await response.json()) as { details: Record<string, unknown> };
      return { status: response.status, details };
    },
  };
}
