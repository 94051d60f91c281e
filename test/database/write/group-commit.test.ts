import { createWriter } from '../../../src/database/write/writer.ts';
import { WorkstationEntity } from '../../../src/features/workstation/workstation.entity.ts';
import { engine } from '../../../src/testing/test-database.ts';
import { type Answer, startTestApp, type TestApp } from '../../support/test-app.ts';

const UPDATE = `mutation ($id: ID!, $input: UpdateWorkstationInput!) {
  updateWorkstation(id: $id, input: $input) { id hostname version } }`;
const LIST = '{ workstations(first: 60) { nodes { id name hostname version } } }';

let testApp: TestApp;

beforeEach(async () => {
  testApp = await startTestApp({ fleet: { managers: 1, workstations: 60 } });
});

afterEach(() => testApp.close());

async function rows(): Promise<{ id: string; name: string; hostname: string; version: number }[]> {
  return (await testApp.ask(LIST)).data.workstations.nodes;
}

const update = (id: string, input: object) => testApp.ask(UPDATE, { variables: { id, input } });

const codeOf = ({ errors }: Answer) => errors?.[0]?.extensions.code;

/**
 * Rows per last writing transaction. Taken from the rows, because transaction ids count for all databases of a server.
 */
async function rowsByTransaction(): Promise<Record<string, number>> {
  const counts = await testApp.sql<{ transaction: string; rows: number }>(
    'select xmin::text as transaction, count(*)::int as rows from workstation group by 1',
  );
  return Object.fromEntries(counts.map(({ transaction, rows }) => [transaction, rows]));
}

describe('Concurrent writes', () => {
  test('share commits', async () => {
    const ids = (await rows()).map(({ id }) => id);
    // The values are part of the statements, which are sent as one text.
    const hostnameOf = (id: string) => `it's; '' -- ? $1 \\' ü ${id}`;
    const writer = createWriter({
      database: testApp.app.database,
      guardedInputs: new Map(),
      channel: 'nobody',
      waitUntilApplied: async () => {},
    });
    const written = await Promise.all(
      ids.map((id) =>
        writer.row((em) =>
          em
            .createQueryBuilder(WorkstationEntity)
            .update({ hostname: hostnameOf(id) })
            .where({ id }),
        ),
      ),
    );
    expect(written).toMatchObject(ids.map((id) => ({ id, hostname: hostnameOf(id) })));
    // The first two find no write in flight and are sent alone; the others are grouped: 50 first, then the rest.
    expect(Object.values(await rowsByTransaction()).sort((a, b) => a - b)).toEqual([1, 1, 8, 50]);
  });

  test('may write anything into the same columns, or into others', async () => {
    const manager = (await testApp.sql<{ id: string }>('select id from manager'))[0]!.id;
    const hostile = `it's; '' -- ? $1 \\' \\u0041 "ü" 🖥`;
    const inputs = [
      { operatingSystem: hostile },
      { operatingSystem: hostile, hostname: 'b' },
      { tags: ['a, b', '{c}', '"d"', hostile], ipAddress: '::1' },
      { tags: [], ipAddress: '10.0.0.1' },
      { managerId: null },
      { managerId: manager },
      { status: 'MAINTENANCE' },
    ];
    const before = (await rows()).slice(0, 5 * inputs.length);
    const answers = await Promise.all(
      before.map(({ id }, index) =>
        testApp.ask(
          `mutation ($id: ID!, $input: UpdateWorkstationInput!) { updateWorkstation(id: $id, input: $input) {
            id version hostname operatingSystem tags ipAddress status manager { id } } }`,
          { variables: { id, input: inputs[index % inputs.length] } },
        ),
      ),
    );
    const written = before.map(({ id, version }, index) => {
      const { managerId, tags, ...others } = inputs[index % inputs.length] as Record<string, unknown>;
      return {
        id,
        version: version + 1,
        ...others,
        ...(tags !== undefined && { tags: [...(tags as string[])].sort() }),
        ...(managerId !== undefined && { manager: managerId && { id: managerId } }),
      };
    });
    expect(answers).toMatchObject(written.map((updateWorkstation) => ({ data: { updateWorkstation } })));
  });

  test('are each answered with their own row', async () => {
    const before = await rows();
    const answers = await Promise.all(before.map(({ id }, index) => update(id, { hostname: `host-${index}` })));
    expect(answers).toMatchObject(
      before.map(({ id, version }, index) => ({
        data: { updateWorkstation: { id, hostname: `host-${index}`, version: version + 1 } },
      })),
    );
    expect((await rows()).map(({ hostname }) => hostname)).toEqual(before.map((_row, index) => `host-${index}`));
  });

  test('fail one by one: a fault of one does not affect the others', async () => {
    const before = await rows();
    const taken = before[0]!.name;
    const answers = await Promise.all(
      before.slice(1, 21).map(({ id }, index) => update(id, index === 7 ? { name: taken } : { hostname: 'moved' })),
    );
    const codes = answers.map(codeOf);
    expect(codes).toEqual(codes.map((_code, index) => (index === 7 ? 'CONFLICT' : undefined)));
    const after = new Map((await rows()).map((row) => [row.id, row]));
    for (const [index, { id, version, name }] of before.slice(1, 21).entries()) {
      const expected = index === 7 ? { name, version } : { hostname: 'moved', version: version + 1 };
      expect(after.get(id)).toMatchObject(expected);
    }
  });

  test('to one row are applied in sequence: none is lost, and no version occurs twice', async () => {
    const [row] = await rows();
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) => update(row!.id, { hostname: `turn-${index}` })),
    );
    const versions = answers.map(({ data }) => data.updateWorkstation.version).sort((a, b) => a - b);
    expect(versions).toEqual(versions.map((_version, index) => row!.version + 1 + index));
    const last = answers.find(({ data }) => data.updateWorkstation.version === versions.at(-1))!;
    expect((await rows()).find(({ id }) => id === row!.id)).toMatchObject(last.data.updateWorkstation);
  });

  test('do not wait for a write that waits for a lock', async () => {
    if (engine !== 'postgresql') return;
    const [held, ...others] = await rows();
    const release = Promise.withResolvers<void>();
    const locked = testApp.app.database.fork().transactional(async (em) => {
      await em.execute('select from workstation where id = ? for update', [held!.id]);
      await release.promise;
    });
    const waiting = update(held!.id, { hostname: 'late' });
    const answers = await Promise.all(others.map(({ id }) => update(id, { hostname: 'early' })));
    expect(new Set(answers.map(codeOf))).toEqual(new Set([undefined]));
    release.resolve();
    await locked;
    expect((await waiting).data.updateWorkstation.hostname).toBe('late');
  });

  test('to unknown rows are answered with NOT_FOUND each', async () => {
    const [known] = await rows();
    const unknown = known!.id.replace(/.{12}$/, '000000000000');
    const answers = await Promise.all([unknown, known!.id, unknown].map((id) => update(id, { hostname: 'x' })));
    expect(answers.map(codeOf)).toEqual(['NOT_FOUND', undefined, 'NOT_FOUND']);
  });
});
