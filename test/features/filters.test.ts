import { type Answer, startTestApp, type TestApp } from '../support/test-app.ts';

/* One filter for lists, nested lists and counts: what each part accepts, how parts combine, and what is refused. */

const LIST = `query ($filter: WorkstationFilter) {
  workstations(filter: $filter, orderBy: { field: NAME }) { totalCount nodes { name } } }`;
const NOBODY = '01890000-0000-7000-8000-000000000000';

let testApp: TestApp;
let managerId: string;
let ids: Record<string, string>;

beforeAll(async () => {
  testApp = await startTestApp();
  const [manager] = await testApp.sql(`insert into manager (name, email) values ('M', 'm@fleet.example') returning id`);
  managerId = manager!.id as string;
  const rows = await testApp.sql<{ id: string; name: string }>(
    `insert into workstation (name, hostname, ip_address, operating_system, status, cpu_usage, last_seen_at, manager_id) values
      ('a', 'web-1', '10.1.2.3', 'Debian 12', 'ONLINE', 0, '2026-01-01T00:00:00Z', $1),
      ('b', 'WEB-2', '10.1.3.4', 'debian 12', 'ERROR', 50.5, '2026-01-02T00:00:00Z', null),
      ('c', 'db_1', '2001:db8::1', 'Windows 11', 'OFFLINE', null, null, $1),
      ('d', 'db%1', '::ffff:10.1.2.3', 'Windows 11', 'ONLINE', 100, '2026-01-02T00:00:00.001Z', null)
      returning id, name`,
    [managerId],
  );
  ids = Object.fromEntries(rows.map(({ id, name }) => [name, id]));
  await testApp.sql(`update workstation set tags = '{berlin,web}' where name = 'a'`);
  await testApp.sql(`update workstation set tags = '{web}' where name = 'b'`);
  await testApp.waitUntilHeard();
});

afterAll(() => testApp.close());

async function names(filter: unknown): Promise<string> {
  const { data, errors } = await testApp.ask(LIST, { variables: { filter } });
  expect(errors).toBeUndefined();
  const { nodes, totalCount } = data.workstations;
  expect(nodes).toHaveLength(totalCount);
  return nodes.map(({ name }: { name: string }) => name).join('');
}

describe('A part accepts', () => {
  const all = 'abcd';
  test.each<[string, object, string]>([
    ['texts in the host name, whatever their case', { hostnameContains: 'Web' }, 'ab'],
    ['a per cent sign as itself', { hostnameContains: '%' }, 'd'],
    ['an underscore as itself', { hostnameContains: '_' }, 'c'],
    ['texts in the operating system', { operatingSystemContains: 'deb' }, 'ab'],
    ['operating systems that are exactly one of these', { operatingSystem: ['Debian 12', 'Plan 9'] }, 'a'],
    ['no operating system with a NUL in it', { operatingSystem: ['Debian 12\0'] }, ''],
    ['addresses in a network', { ipAddressIn: ['10.1.2.0/24'] }, 'a'],
    ['addresses in any of several networks', { ipAddressIn: ['10.1.3.4', '2001:DB8::/32'] }, 'bc'],
    ['every IPv4 address, and none that is mapped to IPv6', { ipAddressIn: ['0.0.0.0/0'] }, 'ab'],
    ['the mapped one in an IPv6 network', { ipAddressIn: ['::ffff:10.0.0.0/104'] }, 'd'],
    ['workstations with all of these tags', { tags: ['web', 'berlin', 'web'] }, 'a'],
    ['tags as they are written', { tags: ['Web'] }, ''],
    ['everything, without tags to look for', { tags: [] }, all],
    ['numbers of at least a bound', { cpuUsage: { gte: 50.5 } }, 'bd'],
    ['numbers above a bound', { cpuUsage: { gt: 50.5 } }, 'd'],
    ['numbers between bounds', { cpuUsage: { gte: -0, lt: 100 } }, 'ab'],
    ['numbers up to a bound', { cpuUsage: { lte: 0 } }, 'a'],
    ['no number that was never reported', { memoryUsage: { gte: 0 } }, ''],
    ['everything, with a range without bounds', { cpuUsage: { gte: null } }, all],
    ['times before another', { lastSeenBefore: '2026-01-02T00:00:00Z' }, 'a'],
    ['times after another', { lastSeenAfter: '2026-01-02T00:00:00Z' }, 'd'],
    ['what was never seen', { neverSeen: true }, 'c'],
    ['what was seen', { neverSeen: false }, 'abd'],
    [
      'everything, with empty lists and texts',
      { ids: [], operatingSystem: [], ipAddressIn: [], nameContains: '' },
      all,
    ],
  ])('%s', async (_what, filter, expected) => {
    expect(await names(filter)).toBe(expected);
  });

  test('rows by their ids, of which unknown and malformed ones match nothing', async () => {
    expect(await names({ ids: [ids.b, ids.a!.toUpperCase(), NOBODY, 'x', ids.b] })).toBe('ab');
    expect(await names({ ids: ['x', ''] })).toBe('');
    expect(await names({ not: { ids: ['x', ids.a] } })).toBe('bcd');
  });
});

describe('Filters combine:', () => {
  test.each<[string, object, string]>([
    ['and', { and: [{ nameContains: 'a' }, { status: ['ONLINE'] }], neverSeen: false }, 'a'],
    ['the same part twice', { and: [{ hostnameContains: 'b-' }, { hostnameContains: '2' }] }, 'b'],
    ['or', { or: [{ nameContains: 'a' }, { cpuUsage: { gte: 100 } }] }, 'ad'],
    ['or, beside a part', { status: ['ONLINE'], or: [{ nameContains: 'a' }, { nameContains: 'b' }] }, 'a'],
    ['not, which accepts rows without the value', { not: { cpuUsage: { gte: 0 } } }, 'c'],
    ['not, of several parts at once', { not: { status: ['ONLINE'], neverSeen: false } }, 'bc'],
    ['not, of not', { not: { not: { cpuUsage: { gte: 0 } } } }, 'abd'],
    ['or, with an alternative that no row fits', { or: [{ ids: ['x'] }, { nameContains: 'c' }] }, 'c'],
    ['or, with none that a row fits', { or: [{ ids: ['x'] }, { managerId: 'x' }] }, ''],
    ['not, of what no row fits', { not: { ids: ['x'] } }, 'abcd'],
    ['not, of what restricts nothing', { not: { nameContains: '' } }, ''],
    ['or, with an alternative that restricts nothing', { or: [{ status: ['ERROR'] }, {}] }, 'abcd'],
    ['empty lists', { and: [], or: [] }, 'abcd'],
    ['null, which is the same as nothing', { and: null, or: null, not: null, cpuUsage: null }, 'abcd'],
    ['what excludes itself', { and: [{ status: ['ONLINE'] }, { status: ['ERROR'] }] }, ''],
  ])('%s', async (_what, filter, expected) => {
    expect(await names(filter)).toBe(expected);
  });

  test('within the workstations of a manager', async () => {
    const { data } = await testApp.ask(
      `query ($filter: WorkstationFilter) { managers { nodes { workstations(filter: $filter) { totalCount nodes { name } } } } }`,
      { variables: { filter: { or: [{ neverSeen: true }, { status: ['ERROR'] }] } } },
    );
    expect(data.managers.nodes).toEqual([{ workstations: { totalCount: 1, nodes: [{ name: 'c' }] } }]);
  });
});

describe('Filters that mean the same share what is cached:', () => {
  test.each<[string, object, object]>([
    [
      'with tags of several filters',
      { tags: ['web', 'berlin'] },
      { tags: ['berlin'], and: [{ tags: ['web', 'berlin'] }] },
    ],
    ['in another order', { status: ['ERROR', 'ONLINE'] }, { status: ['ONLINE', 'ERROR', 'ONLINE'] }],
    ['with one alternative', { nameContains: 'a' }, { or: [{ nameContains: 'A' }, { nameContains: 'a' }] }],
    [
      'within and',
      { nameContains: 'a', neverSeen: true },
      { and: [{ neverSeen: true }, { and: [{ nameContains: 'a' }] }] },
    ],
    [
      'alternatives in another order',
      { or: [{ neverSeen: true }, { unmanaged: true }] },
      {
        or: [{ or: [{ unmanaged: true }, { neverSeen: true }] }, { ids: ['x'] }],
      },
    ],
    [
      'with a network written otherwise',
      { ipAddressIn: ['::1', '10.0.0.1'] },
      { ipAddressIn: ['10.0.0.1/32', '0:0::1/128'] },
    ],
    ['with empty parts', { not: { neverSeen: true } }, { not: { neverSeen: true, and: [{}], cpuUsage: {} }, or: [] }],
    ['twice the same', { not: { neverSeen: true } }, { and: [{ not: { neverSeen: true } }], not: { neverSeen: true } }],
  ])('%s', async (_what, one, other) => {
    const expected = await names(one);
    expect(await testApp.countStatements(async () => expect(await names(other)).toBe(expected))).toBe(0);
  });
});

describe('A change drops a cached list', () => {
  test('when a column matters that its filter looks at deep within, and no other', async () => {
    const filter = { or: [{ not: { cpuUsage: { lt: 90 } } }, { status: ['MAINTENANCE'] }] };
    expect(await names(filter)).toBe('cd');
    const write = async (values: string) => {
      await testApp.sql(`update workstation set ${values} where name = 'b'`);
      await testApp.waitUntilHeard();
      return testApp.countStatements(() => names(filter));
    };
    expect(await write('memory_usage = 99')).toBe(0);
    expect(await write('cpu_usage = 60')).toBe(0);
    expect(await write('cpu_usage = 95')).toBeGreaterThan(0);
    expect(await names(filter)).toBe('bcd');
    expect(await write(`cpu_usage = 50.5, memory_usage = null`)).toBeGreaterThan(0);
  });
});

describe('A filter is refused with one error, the field at fault and no SQL:', () => {
  const nested = (levels: number): object => (levels === 1 ? { neverSeen: true } : { not: nested(levels - 1) });
  const many = (count: number) => Array.from({ length: count }, (_, index) => ({ nameContains: `${index}` }));
  test.each<[string, object, string]>([
    ['with 51 parts', { or: many(51) }, 'filter.or[50]'],
    ['with 10,000 parts', { and: [{ or: many(10_000) }] }, 'filter'],
    ['with 10,000 empty ones', { or: Array.from({ length: 10_000 }, () => ({})) }, 'filter'],
    ['with 1,000 parts', { and: [{ or: many(1000) }] }, 'filter.and[0].or[50]'],
    ['with 1,000 empty ones', { or: Array.from({ length: 1000 }, () => ({})) }, 'filter.or[50]'],
    ['of six levels', nested(6), 'filter.not.not.not.not.not'],
    ['with 501 ids', { ids: new Array(501).fill('x') }, 'filter.ids'],
    ['with a text that is too long', { or: [{ hostnameContains: 'x'.repeat(201) }] }, 'filter.or[0].hostnameContains'],
    ['with half a character', { operatingSystem: ['a', '\ud800'] }, 'filter.operatingSystem[1]'],
    ['with an address within a network', { not: { ipAddressIn: ['::1', '10.1.2.3/8'] } }, 'filter.not.ipAddressIn[1]'],
    ['with a blank network', { ipAddressIn: [''] }, 'filter.ipAddressIn[0]'],
    ['with half a network', { ipAddressIn: ['10/8'] }, 'filter.ipAddressIn[0]'],
    ['with too long a prefix', { ipAddressIn: ['10.0.0.0/33'] }, 'filter.ipAddressIn[0]'],
    ['with a zone', { ipAddressIn: ['fe80::%eth0/64'] }, 'filter.ipAddressIn[0]'],
    ['with a text for a number', { and: [{}, {}, { cpuUsage: { gte: '5' } }] }, 'filter.and[2].cpuUsage.gte'],
    ['with a time that is none', { lastSeenBefore: 'yesterday' }, 'filter.lastSeenBefore'],
    ['with a time before all others', { lastSeenAfter: '0000-01-01T00:00:00Z' }, 'filter.lastSeenAfter'],
    ['with a number for a network', { ipAddressIn: [10] }, 'filter.ipAddressIn[0]'],
  ])('%s', async (_what, filter, field) => {
    let answer: Answer | undefined;
    const statements = await testApp.countStatements(async () => {
      answer = await testApp.ask(LIST, { variables: { filter } });
    });
    expect(answer!.errors).toHaveLength(1);
    expect(answer!.errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT', field });
    expect(statements).toBe(0);
  });

  test('with an infinite number', async () => {
    const { errors } = await testApp.ask(
      '{ workstations(filter: { and: [{}, {}, { cpuUsage: { gte: 1e999 } }] }) { totalCount } }',
    );
    expect(errors![0]!.extensions).toEqual({ code: 'BAD_USER_INPUT', field: 'filter.and[2].cpuUsage.gte' });
  });

  test('naming the network that was meant', async () => {
    const { errors } = await testApp.ask(LIST, { variables: { filter: { ipAddressIn: ['2001:db8::1/32'] } } });
    expect(errors![0]!.message).toBe('2001:db8::1/32 is an address within a network. The network is 2001:db8::/32.');
  });

  test('with 50 parts or five levels it is not refused', async () => {
    expect(await names({ or: many(50) })).toBe('');
    expect(await names(nested(5))).toBe('c');
  });

  test.each([1000, 100_000])('with %i levels', async (levels) => {
    const filter = `${'{"not":'.repeat(levels)}{}${'}'.repeat(levels)}`;
    const response = await fetch(`${testApp.app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${await testApp.token('VIEWER')}` },
      body: `{"query":${JSON.stringify(LIST)},"variables":{"filter":${filter}}}`,
    });
    const { errors } = (await response.json()) as Answer;
    expect(errors).toHaveLength(1);
    expect(errors![0]!.extensions).toMatchObject({ code: 'BAD_USER_INPUT' });
  });
});
