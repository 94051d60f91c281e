import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { parse } from 'yaml';

const compose = parse(readText('../../docker-compose.yml'));

function readText(path: string): string {
  return readFileSync(new URL(path, import.meta.url), 'utf8');
}

function compileSchema() {
  // Draft 07 under its https name, which Ajv does not know it by; without a name draft 07 is what it assumes.
  const { $schema: _draft, ...schema } = JSON.parse(readText('compose-spec.json'));
  return new Ajv({ allErrors: true, allowUnionTypes: true, strictTypes: false, strictRequired: false }).compile(schema);
}

/** Each problem as its place and what is wrong there. */
function findProblems(document: unknown): string[] {
  const validate = compileSchema();
  if (validate(document)) return [];
  return validate.errors!.map((error) => `${error.instancePath} ${error.message}`);
}

describe('docker-compose.yml', () => {
  test('follows the Compose Specification', () => {
    expect(findProblems(compose)).toEqual([]);
  });

  test('would be caught with a misspelt key or a value of the wrong kind', () => {
    const api = { ...compose.services.api, read_only: [], cap_dropped: ['ALL'] };
    const problems = findProblems({ ...compose, services: { ...compose.services, api } });
    expect(problems).toEqual(
      expect.arrayContaining([
        expect.stringMatching('^/services/api must NOT have additional properties$'),
        expect.stringMatching('^/services/api/read_only must be '),
      ]),
    );
  });

  test('gives no secret a default', () => {
    const required = (name: string) => `\${${name}:?set ${name}}`;
    const password = required('POSTGRES_PASSWORD');
    expect(compose.services.postgres.environment.POSTGRES_PASSWORD).toBe(password);
    expect(compose.services.api.environment).toEqual({
      DATABASE_URL: `postgres://stationmaster:${password}@postgres:5432/stationmaster`,
      AUTH_JWT_SECRET: required('AUTH_JWT_SECRET'),
    });
  });

  test('leaves the API no privileges and a read-only root file system', () => {
    expect(compose.services.api).toMatchObject({
      read_only: true,
      tmpfs: ['/tmp'],
      cap_drop: ['ALL'],
      security_opt: ['no-new-privileges:true'],
    });
    expect(compose.services.api).not.toHaveProperty('privileged');
    expect(compose.services.api).not.toHaveProperty('cap_add');
  });

  test('opens the database to nobody but the API and waits until it is ready', () => {
    expect(compose.services.postgres).not.toHaveProperty('ports');
    expect(compose.services.api.depends_on).toEqual({ postgres: { condition: 'service_healthy' } });
    expect(compose.services.postgres.healthcheck.test).toContain('pg_isready');
  });
});
