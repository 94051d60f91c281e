import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';

/*
 * What every measured server does besides serving: it reports its URL to the benchmark, answers questions about its
 * usage, and ends with the benchmark. Statements are counted in the database driver, below all layers of the server.
 */

/** The resources a server has used since its start. */
export interface Usage {
  /** SQL statements executed, transaction control included. */
  readonly statements: number;
  readonly cpuMs: number;
  readonly peakMegabytes: number;
  /** The resident memory just now. */
  readonly residentMegabytes: number;
}

/** `clear` empties every cache of the server. Both questions are answered with the usage. */
export type Question = 'usage' | 'clear';

interface Driver {
  readonly Client: { readonly prototype: { query(...args: never[]): unknown } };
}

interface Asking {
  readonly connection: EventEmitter;
}

/**
 * Counts the statements on all connections of `pg` from now on, except on connections that listen and of a server's
 * notifications to itself: these heartbeats are independent of the number of requests.
 * @param importers URLs of the modules that import `pg`; each may have its own copy
 */
export function countStatements(...importers: readonly string[]): () => number {
  let statements = 0;
  const listening = new WeakSet<object>();
  const counted = new WeakSet<object>();
  const drivers = new Set(importers.map((importer): Driver => createRequire(importer)('pg')));
  for (const { Client } of drivers) {
    const { query } = Client.prototype;
    Client.prototype.query = function (this: Asking, ...args: never[]) {
      const text = textOf(args[0]);
      if (/^\s*listen\s/i.test(text)) listening.add(this);
      if (HEARTBEAT.test(text)) statements--;
      if (!counted.has(this)) {
        counted.add(this);
        // The server sends one per statement, even if several statements arrive in one message.
        this.connection.on('commandComplete', () => {
          if (!listening.has(this)) statements++;
        });
      }
      return Reflect.apply(query, this, args);
    };
  }
  return () => statements;
}

const HEARTBEAT = /^\s*select pg_notify\(.*'echo'/;

function textOf(query: unknown): string {
  return typeof query === 'string' ? query : ((query as { readonly text?: string } | undefined)?.text ?? '');
}

export interface MeasuredServer {
  readonly url: string;
  readonly statements?: () => number;
  readonly clear?: () => unknown;
  /** Further figures that a workload needs of this server. */
  readonly details?: () => unknown;
  readonly close?: () => Promise<unknown>;
}

export function announce({ url, statements = () => 0, clear, details, close }: MeasuredServer): void {
  process.on('message', async (question: Question) => {
    if (question === 'clear') await clear?.();
    const { user, system } = process.cpuUsage();
    const usage: Usage = {
      statements: statements(),
      cpuMs: (user + system) / 1000,
      peakMegabytes: process.resourceUsage().maxRSS / 1024,
      residentMegabytes: process.memoryUsage.rss() / 1024 / 1024,
    };
    process.send!({ ...usage, details: details?.() });
  });
  process.on('disconnect', async () => {
    await close?.();
    process.exit(0);
  });
  process.send!({ url });
}
