import { type Answer, startTestApp, type TestApp } from '../support/test-app.ts';
import { listOf, MANAGER_FIELDS, readFleet, shown, WORKSTATION_FIELDS } from './fleet-oracle.ts';
import { expectRefusal } from './refusal.ts';

const UNKNOWN_ID = '01890000-0000-7000-8000-000000000000';
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const TIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/;

const CREATE_WORKSTATION = `mutation ($input: CreateWorkstationInput!) {
  createWorkstation(input: $input) { ${WORKSTATION_FIELDS} } }`;
const UPDATE_WORKSTATION = `mutation ($id: ID!, $input: UpdateWorkstationInput!) {
  updateWorkstation(id: $id, input: $input) { ${WORKSTATION_FIELDS} } }`;
const DELETE_WORKSTATION = 'mutation ($id: ID!) { deleteWorkstation(id: $id) }';
const CREATE_MANAGER = `mutation ($input: CreateManagerInput!) { createManager(input: $input) { ${MANAGER_FIELDS} } }`;
const UPDATE_MANAGER = `mutation ($id: ID!, $input: UpdateManagerInput!) {
  updateManager(id: $id, input: $input) { ${MANAGER_FIELDS} } }`;
const DELETE_MANAGER = 'mutation ($id: ID!) { deleteManager(id: $id) }';

let testApp: TestApp;
let made = 0;
const ask: TestApp['ask'] = (document, options) => testApp.ask(document, options);

beforeAll(async () => {
  testApp = await startTestApp({ fleet: { managers: 4, workstations: 12 } });
});

afterAll(() => testApp.close());

async function mutate(document: string, variables: Record<string, unknown>) {
  const { data, errors } = await ask(document, { variables });
  expect(errors).toBeUndefined();
  return Object.values<Answer['data']>(data)[0];
}

const newInput = () => ({
  name: `NEW-${++made}`,
  hostname: `new-${made}.fleet.example`,
  ipAddress: '10.1.2.3',
  operatingSystem: 'Debian 13',
});
const addWorkstation = (input: Record<string, unknown> = {}) =>
  mutate(CREATE_WORKSTATION, { input: { ...newInput(), ...input } });
const addManager = () => {
  made++;
  return mutate(CREATE_MANAGER, { input: { name: `Manager ${made}`, email: `manager-${made}@fleet.example` } });
};

/** The whole content of the database, for comparison before and after. */
async function everything() {
  const { workstations, managers } = await readFleet(testApp);
  return { workstations: listOf(workstations), managers: new Set(managers) };
}

async function expectNothingChanged(work: () => Promise<unknown>) {
  const before = await everything();
  await work();
  expect(await everything()).toEqual(before);
}

async function someId(table: 'workstation' | 'manager'): Promise<string> {
  return (await testApp.sql(`select id from ${table} limit 1`))[0]!.id;
}

async function storedWorkstation(id: string) {
  const fleet = await readFleet(testApp);
  return shown(fleet.workstations.find((row) => row.id === id)!, fleet);
}

describe('createWorkstation', () => {
  test('answers with the new workstation as it is stored', async () => {
    const manager = await addManager();
    const input = { ...newInput(), status: 'MAINTENANCE', managerId: manager.id };
    const created = await mutate(CREATE_WORKSTATION, { input });
    const { managerId: _shownAsManager, ...given } = input;
    expect(created).toEqual({
      ...given,
      id: expect.stringMatching(UUID),
      cpuUsage: null,
      memoryUsage: null,
      diskUsage: null,
      lastSeenAt: null,
      manager: { id: manager.id, name: manager.name },
      createdAt: expect.stringMatching(TIME),
      updatedAt: expect.stringMatching(TIME),
      version: 1,
    });
    expect(created).toEqual(await storedWorkstation(created.id));
    expect((await ask(`{ workstation(id: "${created.id}") { ${WORKSTATION_FIELDS} } }`)).data.workstation).toEqual(
      created,
    );
  });

  test('defaults to OFFLINE and unmanaged for omitted fields and for null', async () => {
    expect(await addWorkstation()).toMatchObject({ status: 'OFFLINE', manager: null });
    expect(await addWorkstation({ status: null, managerId: null })).toMatchObject({ status: 'OFFLINE', manager: null });
  });

  test('trims white space from both ends of texts', async () => {
    const { name } = newInput();
    const created = await addWorkstation({ name: `  ${name}\n`, operatingSystem: ' Debian ' });
    expect(created).toMatchObject({ name, operatingSystem: 'Debian' });
  });

  test.each([
    ['192.168.0.1', '192.168.0.1'],
    ['2001:DB8:0:0:0:0:0:1', '2001:db8::1'],
    ['::1', '::1'],
    ['::ffff:10.0.0.1', '::ffff:10.0.0.1'],
  ])('shows the address %s as %s, in the answer and from the cache', async (ipAddress, canonical) => {
    const created = await addWorkstation({ ipAddress });
    expect(created.ipAddress).toBe(canonical);
    const read = async () =>
      (await ask(`{ workstation(id: "${created.id}") { ipAddress } }`)).data.workstation.ipAddress;
    expect(await read()).toBe(canonical);
    // From here on the cache holds the announced row.
    await mutate(UPDATE_WORKSTATION, { id: created.id, input: { status: 'ERROR' } });
    expect(await testApp.countStatements(async () => expect(await read()).toBe(canonical))).toBe(0);
  });

  test.each([
    '𝒳 workstation',
    "Robert'); drop table workstation;--",
    '"quoted" \\ {braces}',
    '<b>bold</b>',
    'x'.repeat(200),
  ])('keeps the name %s unchanged', async (name) => {
    expect((await addWorkstation({ name })).name).toBe(name);
  });
});

describe('updateWorkstation', () => {
  test('changes the given fields and nothing else', async () => {
    const manager = await addManager();
    const before = await addWorkstation();
    const input = {
      name: `RENAMED-${before.name}`,
      hostname: 'other.fleet.example',
      ipAddress: 'fd00::7',
      operatingSystem: 'Windows 12',
      status: 'ERROR',
      managerId: manager.id,
      expectedVersion: 1,
    };
    const after = await mutate(UPDATE_WORKSTATION, { id: before.id, input });
    const { managerId: _shownAsManager, expectedVersion: _guard, ...given } = input;
    expect(after).toEqual({
      ...before,
      ...given,
      manager: { id: manager.id, name: manager.name },
      version: 2,
      updatedAt: expect.stringMatching(TIME),
    });
    expect(Date.parse(after.updatedAt)).toBeGreaterThanOrEqual(Date.parse(before.updatedAt));
    expect(after).toEqual(await storedWorkstation(before.id));
    const renamed = await mutate(UPDATE_WORKSTATION, { id: before.id, input: { name: `AGAIN-${before.name}` } });
    expect(renamed).toEqual({ ...after, name: `AGAIN-${before.name}`, version: 3, updatedAt: renamed.updatedAt });
  });

  test('advances updatedAt', async () => {
    const { id } = await addWorkstation();
    // Without triggers, which would set it. To switch them off for all would be a change of the table, and so a gap.
    await testApp.sql(`do $$ begin set local session_replication_role = replica;
      update workstation set updated_at = '2020-01-01' where id = '${id}'; end $$`);
    const { updatedAt } = await mutate(UPDATE_WORKSTATION, { id, input: { status: 'ERROR' } });
    expect(Date.parse(updatedAt)).toBeGreaterThan(Date.parse('2026-01-01'));
  });

  test('with managerId null leaves it unmanaged, and without managerId keeps the manager', async () => {
    const manager = await addManager();
    const { id } = await addWorkstation({ managerId: manager.id });
    const nested = `{ manager(id: "${manager.id}") { workstations { totalCount nodes { id } } } }`;
    expect((await ask(nested)).data.manager.workstations).toEqual({ totalCount: 1, nodes: [{ id }] });
    expect((await mutate(UPDATE_WORKSTATION, { id, input: { status: 'ONLINE' } })).manager.id).toBe(manager.id);
    expect((await mutate(UPDATE_WORKSTATION, { id, input: { managerId: null } })).manager).toBeNull();
    expect((await ask(nested)).data.manager.workstations).toEqual({ totalCount: 0, nodes: [] });
  });

  test('moves a workstation from one manager’s list to the other’s', async () => {
    const [from, to] = [await addManager(), await addManager()];
    const { id } = await addWorkstation({ managerId: from.id });
    const both = `{ from: manager(id: "${from.id}") { workstations { nodes { id } } }
      to: manager(id: "${to.id}") { workstations { nodes { id } } } }`;
    await ask(both);
    await mutate(UPDATE_WORKSTATION, { id, input: { managerId: to.id } });
    expect((await ask(both)).data).toEqual({
      from: { workstations: { nodes: [] } },
      to: { workstations: { nodes: [{ id }] } },
    });
  });

  test('with nothing to change answers with the current row and writes nothing', async () => {
    const before = await addWorkstation();
    await expectNothingChanged(async () => {
      expect(await mutate(UPDATE_WORKSTATION, { id: before.id, input: {} })).toEqual(before);
      expect(await mutate(UPDATE_WORKSTATION, { id: before.id, input: { expectedVersion: 1 } })).toEqual(before);
    });
  });

  test('of several updates that expect the same version, exactly one succeeds', async () => {
    const { id } = await addWorkstation();
    const answers = await Promise.all(
      ['ONLINE', 'ERROR', 'MAINTENANCE', 'ONLINE', 'ERROR'].map((status) =>
        ask(UPDATE_WORKSTATION, { variables: { id, input: { status, expectedVersion: 1 } } }),
      ),
    );
    expect(answers.filter(({ errors }) => !errors)).toHaveLength(1);
    for (const answer of answers.filter(({ errors }) => errors)) {
      expectRefusal(answer, 'STALE_VERSION', 'input.expectedVersion');
    }
    expect((await storedWorkstation(id)).version).toBe(2);
  });

  test('finds the workstation by its id in any letter case', async () => {
    const { id } = await addWorkstation();
    expect((await mutate(UPDATE_WORKSTATION, { id: id.toUpperCase(), input: { status: 'ERROR' } })).id).toBe(id);
  });
});

describe('deleteWorkstation', () => {
  test('answers with the id, and the workstation disappears from every view', async () => {
    const manager = await addManager();
    const { id } = await addWorkstation({ managerId: manager.id });
    const views = `{ workstation(id: "${id}") { id } workstations { totalCount nodes { id } }
      manager(id: "${manager.id}") { workstations { totalCount nodes { id } } } }`;
    const before = (await ask(views)).data;
    expect(before.workstation).toEqual({ id });
    expect((await ask(DELETE_WORKSTATION, { variables: { id: id.toUpperCase() } })).data).toEqual({
      deleteWorkstation: id,
    });
    expect((await ask(views)).data).toEqual({
      workstation: null,
      workstations: {
        totalCount: before.workstations.totalCount - 1,
        nodes: before.workstations.nodes.filter((node: { id: string }) => node.id !== id),
      },
      manager: { workstations: { totalCount: 0, nodes: [] } },
    });
  });

  test('is NOT_FOUND the second time', async () => {
    const { id } = await addWorkstation();
    await ask(DELETE_WORKSTATION, { variables: { id } });
    await expectNothingChanged(async () => {
      expectRefusal(await ask(DELETE_WORKSTATION, { variables: { id } }), 'NOT_FOUND', 'id');
    });
  });

  test('frees the name', async () => {
    const { id, name } = await addWorkstation();
    await ask(DELETE_WORKSTATION, { variables: { id } });
    expect((await addWorkstation({ name })).id).not.toBe(id);
  });
});

describe('createManager, updateManager and deleteManager', () => {
  test('creating answers with the new manager as it is stored', async () => {
    const created = await mutate(CREATE_MANAGER, { input: { name: ' Ada Åström ', email: 'ada@fleet.example' } });
    expect(created).toEqual({
      id: expect.stringMatching(UUID),
      name: 'Ada Åström',
      email: 'ada@fleet.example',
      createdAt: expect.stringMatching(TIME),
      updatedAt: expect.stringMatching(TIME),
      version: 1,
    });
    expect((await readFleet(testApp)).managers).toContainEqual(created);
    expect((await ask(`{ managers(first: 1) { nodes { ${MANAGER_FIELDS} } } }`)).data.managers.nodes).toEqual([
      created,
    ]);
  });

  test('updating changes the given fields, and every workstation shows the new name', async () => {
    const before = await addManager();
    const { id } = await addWorkstation({ managerId: before.id });
    const list = '{ workstations(first: 3) { nodes { id manager { name } } } }';
    await ask(list);
    const after = await mutate(UPDATE_MANAGER, { id: before.id, input: { name: 'Grace', expectedVersion: 1 } });
    expect(after).toEqual({ ...before, name: 'Grace', version: 2, updatedAt: expect.stringMatching(TIME) });
    expect((await readFleet(testApp)).managers).toContainEqual(after);
    const statements = await testApp.countStatements(async () => {
      expect((await ask(list)).data.workstations.nodes).toContainEqual({ id, manager: { name: 'Grace' } });
    });
    expect(statements).toBe(0);
  });

  test('creating and updating cost one SQL statement each; an expected version adds a lock', async () => {
    const manager = await addManager();
    const statementsOf = (input: object) =>
      testApp.countStatements(() => mutate(UPDATE_MANAGER, { id: manager.id, input }));
    expect(await testApp.countStatements(() => addManager())).toBe(1);
    expect(await statementsOf({ name: 'Ada' })).toBe(1);
    // The lock, the update, and the mark of the transaction's end.
    expect(await statementsOf({ name: 'Grace', expectedVersion: 2 })).toBe(3);
  });

  test('updating with nothing to change writes nothing', async () => {
    const before = await addManager();
    await expectNothingChanged(async () => {
      expect(await mutate(UPDATE_MANAGER, { id: before.id, input: {} })).toEqual(before);
    });
  });

  test('deleting leaves the workstations unmanaged, and both views show it', async () => {
    const { id: managerId } = await addManager();
    const { id } = await addWorkstation({ managerId });
    const views = `{ manager(id: "${managerId}") { id } managers { totalCount nodes { id } }
      workstation(id: "${id}") { id version manager { id } }
      unmanaged: workstations(filter: { unmanaged: true }) { totalCount nodes { id } }
      theirs: workstations(filter: { managerId: "${managerId}" }) { totalCount nodes { id } } }`;
    const before = (await ask(views)).data;
    expect(before.theirs).toEqual({ totalCount: 1, nodes: [{ id }] });
    expect((await ask(DELETE_MANAGER, { variables: { id: managerId } })).data).toEqual({ deleteManager: managerId });
    const after = (await ask(views)).data;
    expect(after).toEqual({
      manager: null,
      managers: {
        totalCount: before.managers.totalCount - 1,
        nodes: before.managers.nodes.filter((node: { id: string }) => node.id !== managerId),
      },
      workstation: { id, version: 2, manager: null },
      unmanaged: { totalCount: before.unmanaged.totalCount + 1, nodes: expect.arrayContaining([{ id }]) },
      theirs: { totalCount: 0, nodes: [] },
    });
  });
});

describe('Refusals change nothing', () => {
  const workstationFaults: readonly (readonly [string, Record<string, unknown>, string | undefined])[] = [
    ['an empty name', { name: '' }, 'input.name'],
    ['a blank name', { name: ' \t\n ' }, 'input.name'],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, 'input.name'],
    ['a control character in the name', { name: 'a\0b' }, 'input.name'],
    ['a line break in the name', { name: 'a\nb' }, 'input.name'],
    ['a blank operating system', { operatingSystem: '  ' }, 'input.operatingSystem'],
    ['an operating system of 201 characters', { operatingSystem: 'x'.repeat(201) }, 'input.operatingSystem'],
    ['an empty host name', { hostname: '' }, 'input.hostname'],
    ['a host name with a blank', { hostname: 'two words' }, 'input.hostname'],
    ['a host name with an underscore', { hostname: 'under_score' }, 'input.hostname'],
    ['a host name that ends with a hyphen', { hostname: 'a-' }, 'input.hostname'],
    ['a host name with an empty label', { hostname: 'a..b' }, 'input.hostname'],
    ['a host name with a label of 64 characters', { hostname: 'a'.repeat(64) }, 'input.hostname'],
    ['a host name of 254 characters', { hostname: Array(127).fill('a').join('.').concat('b') }, 'input.hostname'],
    ['a host name with a line break at its end', { hostname: 'host\n' }, 'input.hostname'],
    ['no IP address', { ipAddress: 'localhost' }, 'input.ipAddress'],
    ['an IP address with 256', { ipAddress: '10.0.0.256' }, 'input.ipAddress'],
    ['an IP address of a number', { ipAddress: 167772161 }, 'input.ipAddress'],
    ['an empty IP address', { ipAddress: '' }, 'input.ipAddress'],
    ['a network instead of an address', { ipAddress: '10.0.0.0/8' }, 'input.ipAddress'],
    ['an address with a prefix length', { ipAddress: '10.0.0.1/32' }, 'input.ipAddress'],
    ['an IPv6 address with a zone', { ipAddress: 'fe80::1%eth0' }, 'input.ipAddress'],
    ['an unknown status', { status: 'BROKEN' }, 'input.status'],
    ['an unknown field', { colour: 'beige' }, 'input'],
  ];
  const managerFaults: readonly (readonly [string, Record<string, unknown>, string | undefined])[] = [
    ['a blank name', { name: ' ' }, 'input.name'],
    ['a name of 201 characters', { name: 'x'.repeat(201) }, 'input.name'],
    ['an email address without a domain', { email: 'ada' }, 'input.email'],
    ['an empty email address', { email: '' }, 'input.email'],
    ['an email address of 330 characters', { email: `${'a'.repeat(60)}@${'b.'.repeat(133)}example` }, 'input.email'],
    ['two email addresses', { email: 'a@fleet.example, b@fleet.example' }, 'input.email'],
  ];

  describe.each(workstationFaults)('of a workstation with %s', (_name, fault, field) => {
    test('when it is created', async () => {
      await expectNothingChanged(async () => {
        const variables = { input: { ...newInput(), ...fault } };
        expectRefusal(await ask(CREATE_WORKSTATION, { variables }), 'BAD_USER_INPUT', field);
      });
    });

    test('when it is changed', async () => {
      const id = await someId('workstation');
      await expectNothingChanged(async () => {
        const variables = { id, input: { operatingSystem: 'Plan 9', ...fault } };
        expectRefusal(await ask(UPDATE_WORKSTATION, { variables }), 'BAD_USER_INPUT', field);
      });
    });
  });

  test.each(['name', 'hostname', 'ipAddress', 'operatingSystem', 'status'])('of null for %s', async (column) => {
    const id = await someId('workstation');
    await expectNothingChanged(async () => {
      const update = await ask(UPDATE_WORKSTATION, { variables: { id, input: { [column]: null } } });
      expectRefusal(update, 'BAD_USER_INPUT', `input.${column}`);
      if (column === 'status') return;
      const create = await ask(CREATE_WORKSTATION, { variables: { input: { ...newInput(), [column]: null } } });
      expectRefusal(create, 'BAD_USER_INPUT', `input.${column}`);
    });
  });

  test.each(['name', 'hostname', 'ipAddress', 'operatingSystem'])('of a workstation without %s', async (column) => {
    await expectNothingChanged(async () => {
      const variables = { input: { ...newInput(), [column]: undefined } };
      expectRefusal(await ask(CREATE_WORKSTATION, { variables }), 'BAD_USER_INPUT', 'input');
    });
  });

  describe.each(managerFaults)('of a manager with %s', (_name, fault, field) => {
    test('when it is created or changed', async () => {
      const id = await someId('manager');
      await expectNothingChanged(async () => {
        const create = await ask(CREATE_MANAGER, {
          variables: { input: { name: 'A', email: 'a@b.example', ...fault } },
        });
        expectRefusal(create, 'BAD_USER_INPUT', field);
        expectRefusal(await ask(UPDATE_MANAGER, { variables: { id, input: fault } }), 'BAD_USER_INPUT', field);
      });
    });
  });

  test.each(['name', 'email'])('of a manager whose %s would be null', async (column) => {
    const id = await someId('manager');
    await expectNothingChanged(async () => {
      const variables = { id, input: { [column]: null } };
      expectRefusal(await ask(UPDATE_MANAGER, { variables }), 'BAD_USER_INPUT', `input.${column}`);
    });
  });

  test('of a name that another workstation has', async () => {
    const taken = await addWorkstation();
    const other = await addWorkstation();
    await expectNothingChanged(async () => {
      const create = await ask(CREATE_WORKSTATION, { variables: { input: { ...newInput(), name: taken.name } } });
      expectRefusal(create, 'CONFLICT', 'input.name');
      const variables = { id: other.id, input: { name: taken.name, status: 'ERROR' } };
      expectRefusal(await ask(UPDATE_WORKSTATION, { variables }), 'CONFLICT', 'input.name');
    });
    // Its own name is no conflict, and names differ by case.
    expect((await mutate(UPDATE_WORKSTATION, { id: other.id, input: { name: other.name } })).version).toBe(2);
    expect((await addWorkstation({ name: taken.name.toLowerCase() })).name).toBe(taken.name.toLowerCase());
  });

  test('of an email address that another manager has', async () => {
    const [taken, other] = [await addManager(), await addManager()];
    await expectNothingChanged(async () => {
      const create = await ask(CREATE_MANAGER, { variables: { input: { name: 'A', email: taken.email } } });
      expectRefusal(create, 'CONFLICT', 'input.email');
      const variables = { id: other.id, input: { email: taken.email } };
      expectRefusal(await ask(UPDATE_MANAGER, { variables }), 'CONFLICT', 'input.email');
    });
  });

  test.each([UNKNOWN_ID, 'nobody', ''])('of the unknown manager "%s"', async (managerId) => {
    const { id } = await addWorkstation();
    await expectNothingChanged(async () => {
      const create = await ask(CREATE_WORKSTATION, { variables: { input: { ...newInput(), managerId } } });
      expectRefusal(create, 'NOT_FOUND', 'input.managerId');
      const update = await ask(UPDATE_WORKSTATION, { variables: { id, input: { managerId } } });
      expectRefusal(update, 'NOT_FOUND', 'input.managerId');
    });
  });

  test.each([UNKNOWN_ID, 'nothing', ''])('of the unknown id "%s"', async (id) => {
    await expectNothingChanged(async () => {
      for (const [document, input] of [
        [UPDATE_WORKSTATION, { status: 'ERROR' }],
        [UPDATE_WORKSTATION, {}],
        [UPDATE_WORKSTATION, { expectedVersion: 1 }],
        [DELETE_WORKSTATION, undefined],
        [UPDATE_MANAGER, { name: 'A' }],
        [UPDATE_MANAGER, {}],
        [DELETE_MANAGER, undefined],
      ] as const) {
        expectRefusal(await ask(document, { variables: { id, input } }), 'NOT_FOUND', 'id');
      }
    });
  });

  test.each([0, 2, -1, 2147483647])('of version %i where version 1 is current', async (expectedVersion) => {
    const workstation = await addWorkstation();
    const manager = await addManager();
    await expectNothingChanged(async () => {
      for (const [document, id] of [
        [UPDATE_WORKSTATION, workstation.id],
        [UPDATE_MANAGER, manager.id],
      ]) {
        const answer = await ask(document!, { variables: { id, input: { name: 'Stale', expectedVersion } } });
        expectRefusal(answer, 'STALE_VERSION', 'input.expectedVersion');
      }
    });
  });

  test('leaves the cache unchanged', async () => {
    const { id, name } = await addWorkstation();
    const list = '{ workstations { totalCount nodes { id name } } }';
    await ask(list);
    await ask(UPDATE_WORKSTATION, { variables: { id, input: { name: '' } } });
    await ask(CREATE_WORKSTATION, { variables: { input: { ...newInput(), name } } });
    expect(await testApp.countStatements(() => ask(list))).toBe(0);
  });
});

describe('Several mutations in one request', () => {
  test('run one after the other, and each sees the writes of the previous ones', async () => {
    const manager = await addManager();
    const { id, name } = await addWorkstation({ managerId: manager.id });
    const view = 'manager { name workstations { totalCount nodes { id status } } }';
    const { data } = await ask(
      `mutation ($id: ID!, $managerId: ID!) {
        a: updateWorkstation(id: $id, input: { status: ONLINE }) { version ${view} }
        b: updateManager(id: $managerId, input: { name: "Renamed" }) { name workstations { nodes { status } } }
        c: updateWorkstation(id: $id, input: { status: ERROR }) { version ${view} }
        d: updateWorkstation(id: $id, input: { managerId: null }) { version manager { name } }
        e: updateManager(id: $managerId, input: { name: "Again" }) { workstations { totalCount } }
        f: deleteWorkstation(id: $id)
        g: createWorkstation(input: { name: "${name}", hostname: "h", ipAddress: "10.0.0.1", operatingSystem: "x" }) { name }
      }`,
      { variables: { id, managerId: manager.id } },
    );
    expect(data).toEqual({
      a: {
        version: 2,
        manager: { name: manager.name, workstations: { totalCount: 1, nodes: [{ id, status: 'ONLINE' }] } },
      },
      b: { name: 'Renamed', workstations: { nodes: [{ status: 'ONLINE' }] } },
      c: {
        version: 3,
        manager: { name: 'Renamed', workstations: { totalCount: 1, nodes: [{ id, status: 'ERROR' }] } },
      },
      d: { version: 4, manager: null },
      e: { workstations: { totalCount: 0 } },
      f: id,
      g: { name },
    });
  });

  test('keep the writes made before one of them is refused', async () => {
    const { id } = await addWorkstation();
    const answer = await ask(
      `mutation ($id: ID!) { a: updateWorkstation(id: $id, input: { status: ONLINE }) { status }
        b: updateWorkstation(id: $id, input: { name: "" }) { status } }`,
      { variables: { id } },
    );
    expectRefusal(answer, 'BAD_USER_INPUT', 'input.name');
    expect(answer.errors![0]!.path).toEqual(['b']);
    expect((await ask(`{ workstation(id: "${id}") { status } }`)).data).toEqual({ workstation: { status: 'ONLINE' } });
  });
});
