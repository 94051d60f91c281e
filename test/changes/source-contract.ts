import { CHANNEL, type NotificationSource } from '../../src/changes/index.ts';
import { createEventQueue } from './event-queue.ts';

export interface SourceUnderTest {
  createSource(): NotificationSource;
  /** Runs SQL outside the source's own connection. */
  execute(sql: string): Promise<unknown>;
  /** SQL that announces a payload, an SQL expression. Default: by NOTIFY. */
  announce?(payload: string): string;
}

const byNotify = (payload: string) => `pg_notify('${CHANNEL}', ${payload})`;

/** What the feed relies on, whichever database the source listens to. */
export function describeSourceContract(name: string, getSubject: () => SourceUnderTest): void {
  describe(`a ${name} source`, () => {
    const announce = (payload: string) => `select ${(getSubject().announce ?? byNotify)(`'${payload}'`)}`;
    const sources: NotificationSource[] = [];
    const start = async () => {
      const source = getSubject().createSource();
      sources.push(source);
      const events = createEventQueue();
      await source.start(events.handlers);
      return { source, events };
    };

    afterEach(async () => {
      await Promise.all(sources.splice(0).map((source) => source.close()));
    });

    test('is up when it has started', async () => {
      const { events } = await start();
      expect(events.unread).toEqual([{ kind: 'up' }]);
    });

    test('receives what others announce, in commit order', async () => {
      const { events } = await start();
      await events.nextOf('up');
      const { execute } = getSubject();
      await execute(announce('first'));
      await execute(`begin; ${announce('second')}; ${announce('third')}; commit`);
      const received = [await events.next(), await events.next(), await events.next()];
      expect(received).toEqual(['first', 'second', 'third'].map((payload) => ({ kind: 'payload', payload })));
    });

    test('does not receive what was rolled back', async () => {
      const { events } = await start();
      await events.nextOf('up');
      const { execute } = getSubject();
      await execute(`begin; ${announce('undone')}; rollback`);
      await execute(announce('done'));
      expect(await events.next()).toEqual({ kind: 'payload', payload: 'done' });
    });

    test('receives what it sends itself, unchanged, and so do others', async () => {
      const one = await start();
      const other = await start();
      const payload = `it's "quoted" \\ and 7,900 bytes: ${'é'.repeat(3900)}`;
      await one.source.notify(payload);
      expect(await one.events.nextOf('payload')).toEqual({ kind: 'payload', payload });
      expect(await other.events.nextOf('payload')).toEqual({ kind: 'payload', payload });
    });

    test('reports down and up when it is restarted, and still receives', async () => {
      const { source, events } = await start();
      await events.nextOf('up');
      const reason = new Error('may have lost payloads');
      source.restart(reason);
      expect(await events.next()).toEqual({ kind: 'down', reason });
      await events.nextOf('up');
      await getSubject().execute(announce('after'));
      expect(await events.nextOf('payload')).toEqual({ kind: 'payload', payload: 'after' });
    });

    test('receives nothing after it was closed', async () => {
      const closed = await start();
      const other = await start();
      await closed.source.close();
      await getSubject().execute(announce('late'));
      await other.events.nextOf('payload');
      expect(closed.events.unread).toEqual([{ kind: 'up' }]);
    });

    test('ignores a restart before it is started', async () => {
      const source = getSubject().createSource();
      sources.push(source);
      source.restart(new Error('too early'));
      const events = createEventQueue();
      await source.start(events.handlers);
      expect(events.unread).toEqual([{ kind: 'up' }]);
    });

    test('can be closed twice, and without a start', async () => {
      const { source } = await start();
      await source.close();
      await source.close();
      await getSubject().createSource().close();
    });
  });
}
