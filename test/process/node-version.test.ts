import { startServer } from '../support/server-process.ts';

/** Starts the program on a Node that says it has this version. */
function startOn(version: string) {
  const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
  return startServer({ PORT: 'none' }, ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`]);
}

describe('the program started on', () => {
  test.each(['20.20.2', '22.21.1', '23.11.0', '9.0.0'])('Node %s ends with 78 and one line', async (version) => {
    const server = startOn(version);
    expect(await server.exited).toBe(78);
    expect(server.output).toBe(
      `Stationmaster needs Node 24 or newer and was started with Node ${version}. \`npm start\` uses the Node that npm installed.\n`,
    );
  });

  test.each(['24.0.0', '100.1.0'])('Node %s gets as far as its configuration', async (version) => {
    const server = startOn(version);
    expect(await server.exited).toBe(78);
    expect(server.output).toContain('PORT');
    expect(server.output).not.toContain('Node');
  });
});
