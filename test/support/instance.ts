import { type App, type AppOptions, createApp } from '../../src/app.ts';
import { loadConfig } from '../../src/config/config.ts';
import { TEST_PATIENCE } from '../../src/testing/test-app.ts';
import { changeFeed, TEST_SECRET } from './test-app.ts';

/** One of several instances on a database server. It is as patient with its database and feed as a test's own application. */
export function startInstance(environment: NodeJS.ProcessEnv, options: AppOptions = {}): Promise<App> {
  const config = loadConfig({
    NODE_ENV: 'test',
    PORT: '0',
    AUTH_JWT_SECRET: TEST_SECRET,
    ANONYMOUS_ROLE: 'ADMIN',
    CHANGE_FEED: changeFeed,
    WARM_UP: 'off',
    ...environment,
  });
  return createApp(config, { patience: TEST_PATIENCE, ...options });
}
