import { useConsole } from './support/index.ts';

/* The server goes away and comes back on the same port and data, while pages are open. */

const console = useConsole({ fleet: 'off' });

const ALLOWED = [/ERR_CONNECTION/, /WebSocket connection to/, /Failed to load resource/];

test('a page says that the connection is lost, mends itself, and shows what it missed', async () => {
  const { data } = await console.server.ask(
    `mutation { createWorkstation(input: { name: "LAB-1", hostname: "lab-1", ipAddress: "10.0.0.1", operatingSystem: "Debian 13" }) { id } }`,
  );
  const { id } = data.createWorkstation;
  const fleet = (await console.open({ role: 'VIEWER', path: '/', allow: ALLOWED })).page;
  const workstation = (await console.open({ role: 'VIEWER', path: `/workstations/${id}`, allow: ALLOWED })).page;
  const pages = [fleet, workstation];
  for (const page of pages) await page.getByText('LAB-1').first().waitFor();

  await console.server.stop('SIGKILL');
  for (const page of pages) {
    await page.getByText('Connection lost, trying again. What you see may be out of date.').waitFor();
    expect(await page.getByText('LAB-1').first().isVisible()).toBe(true);
  }

  await console.server.start();
  await console.server.ask(`mutation { updateWorkstation(id: "${id}", input: { name: "ATTIC-1" }) { id } }`);
  for (const page of pages) {
    await page.getByText('ATTIC-1').first().waitFor();
    await page.getByText('Connection lost').waitFor({ state: 'detached' });
  }
  await console.server.ask(`mutation { updateWorkstation(id: "${id}", input: { name: "ATTIC-2" }) { id } }`);
  for (const page of pages) await page.getByText('ATTIC-2').first().waitFor();
});
