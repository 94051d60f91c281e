import type { Browser, BrowserContext, Page, Request } from 'playwright-core';
import { eventually, TIMEOUT_MS } from './eventually.ts';

export interface VisitOptions {
  /** The path and query of the page, on the test's server. Default `/`. */
  readonly path?: string;
  readonly colorScheme?: 'light' | 'dark';
  /** The width of the window in CSS pixels. Default 1440. */
  readonly width?: number;
  /** The token that the tab is signed in with. Without one the visitor is anonymous. */
  readonly token?: string | undefined;
  /** Errors that the test provokes, such as those of connections while the server is away: they are no problems. */
  readonly allow?: readonly RegExp[];
}

/** A request as the network saw it. */
export interface RecordedRequest {
  readonly method: string;
  /** Path and query, or the whole URL if the host is another one. */
  readonly path: string;
  readonly status: number;
  /** What came over the network: head and body, as compressed. */
  readonly bytes: number;
}

/** One page in a browser profile of its own, and what happened in it. */
export interface Visit {
  readonly page: Page;
  readonly context: BrowserContext;
  /**
   * Waits until no request is under way, then tells all that were answered, in the order of their answers. WebSockets are not
   * among them. A page may show an answer before the browser has reported its request.
   */
  requests(): Promise<readonly RecordedRequest[]>;
  /**
   * What no page may do: requests to other hosts, errors on the console, which are also how Chromium reports violations of the
   * Content-Security-Policy, and exceptions. The test fails on any.
   */
  readonly problems: string[];
  close(): Promise<void>;
}

/** Where the console keeps the token. */
const TOKEN_KEY = 'stationmaster.token';

const HEIGHT = 900;

/** Opens the page and waits for its load event. What it shows after that, the test waits for. */
export async function openVisit(browser: Browser, url: string, options: VisitOptions = {}): Promise<Visit> {
  const { path = '/', colorScheme = 'light', width = 1440, token, allow = [] } = options;
  const context = await browser.newContext({
    viewport: { width, height: HEIGHT },
    colorScheme,
    locale: 'en-GB',
    timezoneId: 'UTC',
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  if (token) await context.addInitScript(keepToken, [TOKEN_KEY, token] as const);
  const problems: string[] = [];
  const report = (problem: string) => {
    if (!allow.some((pattern) => pattern.test(problem))) problems.push(problem);
  };
  const requests = recordRequests(context, new URL(url), report);
  recordErrors(context, report);
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  await page.goto(url + path);
  return { page, context, requests, problems, close: () => context.close() };
}

/** Runs in every document, also in the blank one before the first, which has no storage. */
function keepToken([key, token]: readonly [string, string]): void {
  if (location.protocol === 'http:') sessionStorage.setItem(key, token);
}

type Report = (problem: string) => void;

function recordRequests(context: BrowserContext, server: URL, report: Report): Visit['requests'] {
  const underWay = new Set<Request>();
  const answered: RecordedRequest[] = [];
  const checkHost = (address: string) => {
    const { protocol, host } = new URL(address);
    const isLocal = protocol === 'data:' || protocol === 'blob:' || host === server.host;
    if (!isLocal) report(`request to another host: ${address}`);
  };
  context.on('request', (request) => {
    underWay.add(request);
    checkHost(request.url());
  });
  context.on('requestfailed', (request) => underWay.delete(request));
  context.on('page', (page) => page.on('websocket', (socket) => checkHost(socket.url())));
  context.on('requestfinished', async (request) => {
    // Both fail when the page was closed meanwhile.
    const [response, sizes] = await Promise.all([request.response(), request.sizes()]).catch(() => []);
    underWay.delete(request);
    if (!response || !sizes) return;
    const { origin, pathname, search } = new URL(request.url());
    answered.push({
      method: request.method(),
      path: origin === server.origin ? pathname + search : request.url(),
      status: response.status(),
      bytes: sizes.responseHeadersSize + sizes.responseBodySize,
    });
  });
  return async () => {
    await eventually(() => expect([...underWay].map((request) => request.url())).toEqual([]));
    return answered;
  };
}

function recordErrors(context: BrowserContext, report: Report): void {
  context.on('console', (message) => {
    if (message.type() === 'error') report(`error on the console: ${message.text()} (${message.location().url})`);
  });
  context.on('weberror', (error) => report(`exception: ${error.error().stack ?? error.error().message}`));
}
