import { createServer } from 'node:http';
import pg from 'pg';
import { postgraphile } from 'postgraphile';
import { makePgService } from 'postgraphile/adaptors/pg';
import { grafserv } from 'postgraphile/grafserv/node';
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber';
import { announce, countStatements } from '../measured-process.ts';
import { listen } from './listen.ts';

/** PostGraphile 5: it derives the schema from the tables and turns a query into one statement. */

const statements = countStatements(import.meta.url);
const pool = new pg.Pool({ connectionString: process.env.DATABASE_URL, max: 10 });

const server = createServer();
const service = postgraphile({
  extends: [PostGraphileAmberPreset],
  pgServices: [makePgService({ pool, schemas: ['public'] })],
  grafserv: { graphiql: false, watch: false },
}).createServ(grafserv);
await service.addTo(server);

announce({ url: await listen(server), statements });
