import type { EventEmitter } from 'node:events';
import { createRequire } from 'node:module';

/*
 * What every measured server does beside serving: it tells the benchmark where it listens, answers questions about
 * itself, and ends with the benchmark. A count is taken in the driver, below everything a server is made of.
 */

/** What a server has used since its start. */
export interface Usage {
  /** SQL statements executed, transaction control included. */
  readonly statements: number;
  readonly cpuMs: number;
  readonly peakMegabytes: number;
}

/** `clear` empties every cache of the server; `usage` does nothing more. */
export type Question = 'usage' | 'clear';

interface Driver {
  readonly Client: { readonly prototype: { query(...args: never[]): unknown } };
}

interface Asking {
  readonly connection: EventEmitter;
}

/**
 * Counts the statements that go over any connection of `pg` from now on, but for those that listen: they are asked now
 * and then whether they are still there, however many requests come.
 * @param importers URLs of the modules that import it: each may have a copy of its own
 */
export function countStatements(...importers: readonly string[]): () => number {
  let statements = 0;
  const listening = new WeakSet<object>();
  const counted = new WeakSet<object>();
  const drivers = new Set(importers.map((importer): Driver => createRequire(importer)('pg')));
  for (const { Client } of drivers) {
    const { query } = Client.prototype;
    Client.prototype.query = function (this: Asking, ...args: never[]) {
      if (/^\s*listen\s/i.test(String(args[0]))) listening.add(this);
      if (!counted.has(this)) {
        counted.add(this);
        // One comes for each statement, also where several are sent in one piece.
        this.connection.on('commandComplete', () => {
          if (!listening.has(this)) statements++;
        });
      }
      return Reflect.apply(query, this, args);
    };
  }
  return () => statements;
}

export interface MeasuredServer {
  readonly url: string;
  readonly statements?: () => number;
  readonly clear?: () => unknown;
  /** What else a workload wants to know of this server. */
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
    };
    process.send!({ ...usage, details: details?.() });
  });
  process.on('disconnect', async () => {
    await close?.();
    process.exit(0);
  });
  process.send!({ url });
}
