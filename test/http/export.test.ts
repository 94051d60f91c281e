import { once } from 'node:events';
import { connect } from 'node:net';
import { type Collections, type Identified, normalizeId, type Scan } from '../../src/collections/index.ts';
import { workstations } from '../../src/features/workstation/index.ts';
import { startStubServer, stopStubServers, until } from '../support/stub-server.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const CREATE =
  'mutation ($input: CreateWorkstationInput!) { createWorkstation(input: $input) { id version createdAt } }';
const AS_GIVEN = { hostname: 'host.example', ipAddress: '10.1.0.1', operatingSystem: 'Debian 12' };

/** The cells of the third row that is added, which has no value for most. */
const workstationFields = {
  id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  ...{ name: 'plain', hostname: 'host.example', ipAddress: '2001:db8::1', operatingSystem: 'Haiku' },
  ...{ machineId: '', tags: '', status: 'MAINTENANCE', cpuUsage: '', memoryUsage: '', diskUsage: '', lastSeenAt: '' },
  createdAt: expect.stringMatching(/^\d{4}-.*Z$/),
  updatedAt: expect.stringMatching(/^\d{4}-.*Z$/),
  version: '1',
};

describe('an export', () => {
  let testApp: TestApp;

  beforeAll(async () => {
    testApp = await startTestApp({ fleet: { managers: 1, workstations: 1200 } });
    const inputs = [
      { name: '=1+1', operatingSystem: 'Windows "11", Pro', tags: ['@home', 'lab'] },
      { name: '-dash', operatingSystem: 'Größe 12' },
      { name: 'plain', operatingSystem: 'Haiku', ipAddress: '2001:db8::1', status: 'MAINTENANCE' },
    ];
    for (const input of inputs) await testApp.ask(CREATE, { variables: { input: { ...AS_GIVEN, ...input } } });
  });
  afterAll(() => testApp.close());

  async function get(file: string, parameters: Record<string, unknown> = {}, init: RequestInit = {}) {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(parameters)) {
      search.set(name, typeof value === 'string' ? value : JSON.stringify(value));
    }
    const headers = { authorization: `Bearer ${await testApp.token('VIEWER')}`, ...init.headers };
    return fetch(`${testApp.app.url}/export/${file}?${search}`, { ...init, headers });
  }
  const rowsOf = async (parameters: Record<string, unknown>) => {
    const text = await (await get('workstations.ndjson', parameters)).text();
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  };

  it('has a row for each workstation, with what GraphQL shows of it', async () => {
    const rows = await rowsOf({});
    expect(rows).toHaveLength(1203);
    expect(Object.keys(rows[0])).toEqual(expect.arrayContaining(Object.keys(workstationFields)));
    const relations = workstations.columns.filter(({ target }) => target);
    const fields = Object.keys(rows[0]).filter((name) => relations.every(({ field }) => field !== name));
    const related = relations.map(({ property }) => `${property} { id }`);
    const { data } = await testApp.ask(
      `{ workstations(first: 100) { nodes { ${[...fields, ...related].join(' ')} } } }`,
    );
    const shown = data.workstations.nodes.map((node: Record<string, any>) => ({
      ...Object.fromEntries(fields.map((name) => [name, node[name]])),
      ...Object.fromEntries(relations.map(({ property, field }) => [field, node[property]?.id ?? null])),
    }));
    expect(rows.slice(0, 100)).toEqual(shown);
  });

  it('is a file with a header line in CSV', async () => {
    const response = await get('workstations.csv', { filter: { nameContains: 'plain' } });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toMatch(/^text\/csv; charset=utf-8/);
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="workstations.csv"');
    const [header, row, ...rest] = (await response.text()).split('\r\n');
    const names = header!.split(',');
    expect(names).toEqual(Object.keys((await rowsOf({ filter: { nameContains: 'plain' } }))[0]));
    const cells = Object.fromEntries(row!.split(',').map((cell, index) => [names[index], cell]));
    expect(cells).toMatchObject(workstationFields);
    expect(rest).toEqual(['']);
  });

  it.each([
    ['begins with a formula character', '=1+1', ",'=1+1,"],
    ['begins with a minus', '-dash', ",'-dash,"],
    ['holds quotes and commas', '=1+1', ',"Windows ""11"", Pro",'],
    ['is a list that begins with one', '=1+1', ",'@home;lab,"],
    ['is beyond ASCII', '-dash', ',Größe 12,'],
  ])('quotes or escapes a CSV cell that %s', async (_what, nameContains, expected) => {
    const response = await get('workstations.csv', { filter: { nameContains } });
    expect(await response.text()).toContain(expected);
  });

  it('keeps the order and the filter', async () => {
    const filter = { not: { nameContains: 'ws' }, or: [{ operatingSystem: ['Haiku'] }, { tags: ['lab'] }] };
    const names = async (direction: string) =>
      (await rowsOf({ filter, orderBy: { field: 'NAME', direction } })).map(({ name }) => name);
    expect(await names('ASC')).toEqual(['=1+1', 'plain']);
    expect(await names('DESC')).toEqual(['plain', '=1+1']);
    expect(await rowsOf({ filter: { ids: ['nonsense'] } })).toEqual([]);
  });

  it('asks the database once for the cursor, however many rows there are', async () => {
    expect(await testApp.countStatements(() => rowsOf({}))).toBe(1);
  });

  it('shows what was written just before, past the cache', async () => {
    const { data } = await testApp.ask(CREATE, { variables: { input: { ...AS_GIVEN, name: 'fresh' } } });
    const id = normalizeId(data.createWorkstation.id);
    expect(await rowsOf({ filter: { ids: [id] } })).toMatchObject([{ id, name: 'fresh' }]);
    await testApp.sql('delete from workstation where id = $1', [id]);
    await testApp.waitUntilHeard();
  });

  it.each([
    ['is not JSON', { filter: '{' }, 'filter'],
    ['names a part that there is not', { filter: { color: 'red' } }, 'filter'],
    ['has a part of the wrong type', { filter: { status: ['BROKEN'] } }, 'filter.status[0]'],
    ['has a part that GraphQL refuses', { filter: { ids: Array(501).fill('1') } }, 'filter.ids'],
    ['is an order of something unknown', { orderBy: { field: 'COLOR' } }, 'orderBy.field'],
    ['is an order without a field', { orderBy: {} }, 'orderBy'],
    ['is unknown', { first: 10 }, 'first'],
  ])('refuses a parameter that %s', async (_what, parameters, field) => {
    const response = await get('workstations.csv', parameters);
    expect(response.status).toBe(400);
    expect(response.headers.get('content-disposition')).toBeNull();
    const { errors } = (await response.json()) as { errors: { extensions: object }[] };
    expect(errors[0]!.extensions).toEqual({ code: 'BAD_USER_INPUT', field });
  });

  it('needs the role VIEWER', async () => {
    const status = async (headers: Record<string, string>) => {
      const response = await fetch(`${testApp.app.url}/export/workstations.csv`, { headers });
      const { errors } = (await response.json()) as { errors: { extensions: { code: string } }[] };
      return `${response.status} ${errors[0]!.extensions.code}`;
    };
    expect(await status({})).toBe('401 UNAUTHENTICATED');
    expect(await status({ authorization: 'Bearer nonsense' })).toBe('401 UNAUTHENTICATED');
    expect(await status({ authorization: `Bearer ${await testApp.token('AGENT')}` })).toBe('403 FORBIDDEN');
  });

  it.each(['HEAD', 'POST', 'DELETE'])('refuses %s', async (method) => {
    const response = await get('workstations.csv', {}, { method });
    expect(`${response.status} ${response.headers.get('allow')}`).toBe('405 GET');
  });

  it('also writes the managers', async () => {
    const text = await (await get('managers.csv')).text();
    expect(text.split('\r\n')[0]).toMatch(/^id,name,email,.*version$/);
  });
});

describe('an export to a client', () => {
  afterEach(stopStubServers);

  const RECORD = { id: 'a', name: 'x'.repeat(4000), createdAtMs: 0, updatedAtMs: 0 } as unknown as Identified;

  /** A collection of endless rows, until `next` says otherwise. */
  async function start(next: Scan<Identified>['next'] = async (count) => Array(count).fill(RECORD)) {
    let open = 0;
    const scan = async () => {
      open++;
      return {
        next,
        close: async () => {
          open--;
        },
      };
    };
    const collections = { all: [{ definition: workstations, scan }] } as unknown as Collections;
    const stub = await startStubServer({ collections, config: { exportTimeoutSeconds: 100 } });
    const ask = () => {
      const socket = connect(Number(new URL(stub.url).port), '127.0.0.1');
      socket.on('error', () => {}).write('GET /export/workstations.csv HTTP/1.1\r\nhost: fleet.example\r\n\r\n');
      return socket.pause();
    };
    return { ...stub, ask, open: () => open };
  }

  const cutOff = (reason: string) =>
    expect.objectContaining({ msg: 'export cut off', file: 'workstations.csv', reason });

  it('that does not read is cut off after half a minute, and its cursor closed', async () => {
    const { ask, open, timers, log } = await start();
    ask();
    await until(() => open() === 1);
    while (open() > 0) {
      timers.advance(31_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(log).toContainEqual(cutOff('The client read nothing for 30 s.'));
  });

  it('that reads little by little is cut off when the export takes too long, and its cursor closed', async () => {
    let reads = 0;
    const { ask, open, timers, log } = await start(async (count) => {
      reads++;
      return Array(count).fill(RECORD);
    });
    const client = ask();
    const closed = once(client, 'close');
    await until(() => open() === 1);
    // Each time the client takes what it was sent, long before it would be cut off for reading nothing.
    for (let seconds = 0; seconds < 90; seconds += 10) {
      const before = reads;
      await until(() => {
        client.read();
        return reads > before;
      });
      timers.advance(10_000);
      expect(open()).toBe(1);
    }
    timers.advance(10_000);
    client.resume();
    await closed;
    await until(() => open() === 0);
    expect(log).toContainEqual(cutOff('It took longer than 100 s: EXPORT_TIMEOUT_SECONDS.'));
  });

  it('that leaves gives up its cursor', async () => {
    const { ask, open } = await start();
    const client = ask();
    await until(() => open() === 1);
    client.destroy();
    await until(() => open() === 0);
  });

  it('is refused while four others are under way', async () => {
    const { ask, open, url } = await start();
    const clients = [ask(), ask(), ask(), ask()];
    await until(() => open() === 4);
    const response = await fetch(`${url}/export/workstations.csv`);
    expect(`${response.status} ${response.headers.get('retry-after')}`).toBe('429 10');
    expect(await response.text()).toContain('RATE_LIMITED');
    for (const client of clients) client.destroy();
    await until(() => open() === 0);
  });

  it('breaks off when reading fails, so that no part of it looks complete', async () => {
    let batches = 0;
    const { open, url } = await start(async (count) => {
      if (++batches > 2) throw new Error('the connection was lost');
      return Array(count).fill(RECORD);
    });
    const response = await fetch(`${url}/export/workstations.csv`);
    await expect(response.text()).rejects.toThrow();
    await until(() => open() === 0);
  });

  it('is an error when reading cannot even begin', async () => {
    const { open, url } = await start(async () => {
      throw new Error('the connection was lost');
    });
    const response = await fetch(`${url}/export/workstations.csv`);
    expect(response.status).toBe(500);
    expect(open()).toBe(0);
  });
});
