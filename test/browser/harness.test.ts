import { findBarriers, useConsole } from './support/index.ts';

/* The tests of the console rely on the harness to notice what a page must not do. */

const console = useConsole({ fleet: 'off' });

/** Shows a page with the HTML as if the server had sent it. `takeProblems` returns those so far, which then do not fail the test. */
async function show(body: string, contentSecurityPolicy = '') {
  // A request that is reported fails as well, some time later.
  const visit = await console.open({ path: '/livez', allow: [/ERR_NAME_NOT_RESOLVED/] });
  await visit.page.route('**/shown', (route) =>
    route.fulfill({
      contentType: 'text/html',
      headers: { 'content-security-policy': contentSecurityPolicy },
      body: `<!doctype html><html lang="en"><title>Shown</title><link rel="icon" href="data:,"><body>${body}`,
    }),
  );
  await visit.page.goto(`${console.server.url}/shown`);
  return { page: visit.page, takeProblems: () => visit.problems.splice(0) };
}

describe('the harness notices', () => {
  test('a request to another host', async () => {
    const { takeProblems } = await show('<script src="https://elsewhere.example/script.js"></script>');
    expect(takeProblems()[0]).toBe('request to another host: https://elsewhere.example/script.js');
  });

  test('a WebSocket to another host', async () => {
    const { takeProblems, page } = await show('');
    const opened = page.waitForEvent('websocket');
    await page.evaluate(() => void new WebSocket('wss://elsewhere.example/'));
    await opened;
    expect(takeProblems()[0]).toBe('request to another host: wss://elsewhere.example/');
  });

  test('what a Content-Security-Policy stops', async () => {
    const { takeProblems } = await show('<script>document.title = "inline"</script>', "script-src 'self'");
    expect(takeProblems()).toEqual([expect.stringMatching(/^error on the console: .*inline script violates/)]);
  });

  test('an exception that nothing catches', async () => {
    const { takeProblems } = await show('<script>throw new Error("lost")</script>');
    expect(takeProblems()).toEqual([expect.stringMatching(/^exception: Error: lost/)]);
  });

  test('a field without a label, and text without contrast', async () => {
    const { page } = await show('<main><h1>Shown</h1><input><p style="color: #ccc; background: #fff">pale</p></main>');
    expect((await findBarriers(page)).map((barrier) => barrier.split(':')[0])).toEqual(['color-contrast', 'label']);
  });
});

test('the harness records requests with their bytes', async () => {
  const { requests } = await console.open({ path: '/livez' });
  const recorded = await requests();
  expect(recorded).toEqual([{ method: 'GET', path: '/livez', status: 200, bytes: expect.any(Number) }]);
  expect(recorded[0]!.bytes).toBeGreaterThan(100);
});
