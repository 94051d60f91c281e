import type { FastifyInstance } from 'fastify';

export interface Readiness {
  readonly ready: boolean;
  /** The state of each part. Anyone can read it, so it holds no secret and no address. */
  readonly details: Record<string, unknown>;
}

export interface Health {
  readiness(): Readiness | Promise<Readiness>;
}

/**
 * `GET /livez` answers while the process runs. `GET /readyz` answers 503 while requests should go to another instance.
 * Neither needs a token.
 */
export function registerHealthRoutes(server: FastifyInstance, health: Health): void {
  server.get('/livez', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const { ready, details } = await health.readiness();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'not ready', details });
  });
}
