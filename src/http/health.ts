import type { FastifyInstance } from 'fastify';

export interface Readiness {
  readonly ready: boolean;
  /** What was looked at and how it fares. Shown to anyone who asks, so it holds no secret and no address. */
  readonly details: Record<string, unknown>;
}

export interface Health {
  readiness(): Readiness | Promise<Readiness>;
}

/**
 * `GET /livez` answers as long as the process does. `GET /readyz` answers 503 while requests had better go elsewhere.
 * Neither asks for a token.
 */
export function registerHealthRoutes(server: FastifyInstance, health: Health): void {
  server.get('/livez', async () => ({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const { ready, details } = await health.readiness();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'not ready', details });
  });
}
