import { type Browser, chromium } from 'playwright-core';

/** The program of the browser: `CHROMIUM`, by default where Debian installs it. */
export const chromiumPath = process.env.CHROMIUM || '/usr/bin/chromium';

export function launchChromium(): Promise<Browser> {
  return chromium.launch({
    executablePath: chromiumPath,
    headless: true,
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      // A request to another host is a finding of the test. It must not leave the machine as well.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
      // For `window.gc`: what a page holds is measured after a collection.
      '--js-flags=--expose-gc',
    ],
  });
}
