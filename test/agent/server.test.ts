import { connectTo } from '../../agent/src/server.ts';
import { startTestApp, type TestApp } from '../support/test-app.ts';

const MACHINE = { machineId: 'm', hostname: 'm.fleet.example', ipAddress: '10.0.0.1', operatingSystem: 'Linux' };

let testApp: TestApp;

beforeAll(async () => {
  testApp = await startTestApp();
});

afterAll(() => testApp.close());

test('a reading that the server rejects is tried again with the next one', async () => {
  const create = 'mutation { createAgentEnrollment(input: { label: "x" }) { token } }';
  const { token } = (await testApp.ask(create)).data.createAgentEnrollment;
  const server = connectTo(testApp.app.url);
  const { signal } = new AbortController();
  const credentials = await server.enroll(token, MACHINE, signal);
  await expect(server.report(credentials, { cpuUsage: 100.5 }, signal)).rejects.toMatchObject({
    name: 'Unavailable',
    message: 'The server rejects the reading: cpuUsage is a percentage, 0 to 100; got 100.5.',
  });
  await server.report(credentials, { cpuUsage: 99.5 }, signal);
  expect((await testApp.ask('{ workstations { nodes { cpuUsage } } }')).data.workstations.nodes).toEqual([
    { cpuUsage: 99.5 },
  ]);
});
