import { findBarriers, type Page, useConsole } from './support/index.ts';

/* GraphiQL, and the way to it from Apollo Sandbox where Apollo's servers cannot be reached. */

const console = useConsole({ fleet: 'still' });

/** GraphiQL keeps what was typed; its answers are in an editor that reads only. */
const answerOf = (page: Page) =>
  page.getByRole('region', { name: 'Operation Results' }).or(page.locator('.graphiql-response')).last();

async function run(page: Page) {
  await page.getByRole('button', { name: 'Execute query' }).click();
}

/** Opens it with a query as if somebody had typed it. */
async function openWith(query: string, role?: 'ADMIN') {
  const visit = await console.open({ path: '/livez', ...(role && { role }) });
  await visit.page.evaluate((text) => localStorage.setItem('graphiql:query', text), query);
  await visit.page.goto(`${console.server.url}/graphiql`);
  await visit.page.locator('.graphiql-query-editor .view-line').first().waitFor();
  return visit.page;
}

test('a live query goes on showing what is true', async () => {
  const { data } = await console.server.ask('{ workstations(first: 1) { nodes { id } } }');
  const { id } = data.workstations.nodes[0];
  const page = await openWith(`query @live { workstation(id: "${id}") { name } }`);
  await run(page);
  for (const name of ['FIRST-NAME', 'SECOND-NAME']) {
    await console.server.ask(`mutation { updateWorkstation(id: "${id}", input: { name: "${name}" }) { id } }`);
    await answerOf(page).getByText(name).waitFor();
  }
});

test('a subscription shows each change', async () => {
  const { data } = await console.server.ask('{ workstations(first: 1) { nodes { id } } }');
  const page = await openWith('subscription { workstationChanged { kind workstation { hostname } } }');
  await run(page);
  await page.getByRole('button', { name: 'Stop query' }).waitFor();
  const change = (hostname: string) =>
    console.server.ask(
      `mutation { updateWorkstation(id: "${data.workstations.nodes[0].id}", input: { hostname: "${hostname}" }) { id } }`,
    );
  // The subscription may have to connect first.
  for (const attempt of [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]) {
    await change(`changed-${attempt}`);
    if (await answerOf(page).getByText('changed-').count()) return;
    await page.waitForTimeout(300);
  }
  throw new Error('No change was shown.');
});

test("the console's session signs in here, too, and the schema is described", async () => {
  const page = await openWith('{ cacheStats { maxSize } }', 'ADMIN');
  await run(page);
  await answerOf(page).getByText('maxSize').waitFor();
  await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
  await page.getByRole('link', { name: 'Query', exact: true }).first().click();
  await page.getByText('Reads. They are answered from the cache where it holds what they ask for.').waitFor();
  expect((await findBarriers(page)).filter((barrier) => barrier.startsWith('document-title'))).toEqual([]);
});

describe('/graphql in a browser', () => {
  const allow = [
    /request to another host: https:\/\/[\w.-]+\.(apollographql|gstatic|googleapis)\.com\//,
    /ERR_NAME_NOT_RESOLVED/,
    /ERR_FAILED/,
    // Apollo's own page, without its code.
    /EmbeddedSandbox is not a constructor/,
  ];

  test("leads to GraphiQL where Apollo's servers cannot be found", async () => {
    const { page } = await console.open({ path: '/livez', allow });
    await page.goto(`${console.server.url}/graphql`, { waitUntil: 'commit' });
    await page.waitForURL('**/graphiql');
  });

  test('leads to GraphiQL where they do not answer', async () => {
    const { page } = await console.open({ path: '/livez', allow });
    const held: (() => void)[] = [];
    await page.route(/apollographql|google/, async (route) => {
      await new Promise<void>((resolve) => held.push(resolve));
      await route.abort().catch(() => {});
    });
    await page.goto(`${console.server.url}/graphql`, { waitUntil: 'commit' });
    await page.waitForURL('**/graphiql');
    for (const release of held) release();
  });

  test('stays Sandbox where they do', async () => {
    const { page } = await console.open({ path: '/livez', allow });
    await page.route(/apollographql|google/, (route) =>
      route.request().resourceType() === 'script'
        ? route.fulfill({
            contentType: 'text/javascript',
            body: 'window.EmbeddedSandbox = class { constructor() { document.title = "Sandbox"; } }',
          })
        : route.abort(),
    );
    await page.goto(`${console.server.url}/graphql`);
    await page.waitForFunction(() => document.title === 'Sandbox');
    await page.waitForTimeout(2500);
    expect(new URL(page.url()).pathname).toBe('/graphql');
  });
});
