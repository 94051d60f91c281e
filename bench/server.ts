import { Server } from 'node:http';
import type { App } from '../src/app.ts';

/*
 * The built server as a process of its own, so that the load generator does not share its event loop. It reports its
 * address, and on request how many SQL statements it has sent.
 */

/** `off`: nothing is ever served from the cache. `cold`: every request finds it empty. `hot`: as in production. */
export type CacheMode = 'off' | 'cold' | 'hot';

const { createApp } = await import('../dist/src/app.js' as string);
const { loadConfig } = await import('../dist/src/config.js' as string);

const mode = process.argv[2] as CacheMode;
const app: App = await createApp(loadConfig(process.env));

if (mode === 'off') app.cache.distrust();
if (mode === 'cold') {
  const { emit } = Server.prototype;
  Server.prototype.emit = function (this: Server, event: string | symbol, ...args: unknown[]) {
    if (event === 'request') app.cache.clear();
    return Reflect.apply(emit, this, [event, ...args]);
  };
}

process.on('message', () => process.send!({ statements: app.database.statementCount }));
process.on('disconnect', async () => {
  await app.close();
  process.exit(0);
});
process.send!({ url: app.url });
