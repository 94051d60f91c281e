import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

/** A span as OTLP writes it in JSON, with its attributes as an object. */
export interface CollectedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly status: { readonly code?: number };
  /** Of the process that made it. */
  readonly resource: Readonly<Record<string, unknown>>;
}

/** What stands in for a collector of OpenTelemetry: it decodes OTLP in JSON, and keeps everything that it was sent. */
export interface TraceCollector {
  /** The value of `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** The bodies as they came, of whatever type. */
  readonly bodies: readonly string[];
  readonly headers: readonly IncomingHttpHeaders[];
  /** Resolves to the spans that are wanted, as soon as there are `count` of them. */
  find(isWanted: (span: CollectedSpan) => boolean, count?: number): Promise<CollectedSpan[]>;
  close(): Promise<void>;
}

export const SERVER = 2;
export const CLIENT = 3;
export const FAILED = 2;

export async function startTraceCollector(port = 0): Promise<TraceCollector> {
  const spans: CollectedSpan[] = [];
  const bodies: string[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const waiting = new Set<() => void>();
  const server = createServer(async (request, response) => {
    const body = await text(request);
    bodies.push(body);
    headers.push(request.headers);
    if (request.headers['content-type'] === 'application/json') spans.push(...decode(JSON.parse(body)));
    response.setHeader('content-type', 'application/json').end('{}');
    for (const look of waiting) look();
  });
  await once(server.listen(port, '127.0.0.1'), 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    bodies,
    headers,
    find: (isWanted, count = 1) =>
      new Promise((resolve) => {
        const look = () => {
          const found = spans.filter(isWanted);
          if (found.length < count) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        look();
      }),
    async close() {
      server.close();
      server.closeAllConnections();
      await once(server, 'close');
    },
  };
}

function decode({ resourceSpans }: any): CollectedSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    scopeSpans.flatMap(({ spans }: any) =>
      spans.map((span: any) => ({
        ...span,
        attributes: toObject(span.attributes),
        links: span.links ?? [],
        resource: toObject(resource.attributes),
      })),
    ),
  );
}

function toObject(attributes: { key: string; value: any }[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, toValue(value)]));
}

function toValue(value: any): unknown {
  if (value.arrayValue) return value.arrayValue.values.map(toValue);
  return Object.values(value)[0];
}
