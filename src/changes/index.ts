export type { Announced, Change, Command, Row } from './change.ts';
export { ChangeFeed, type FeedListener, type FeedState } from './change-feed.ts';
export { ChangeLog, type LogReader } from './change-log.ts';
export { CHANNEL, type NotificationSource } from './notification-source.ts';
export { openChangeFeed } from './open-feed.ts';
export { createPgliteSource } from './pglite-source.ts';
export { Positions } from './positions.ts';
export { createPostgresqlSource } from './postgresql-source.ts';
export { createPushStream, type PushStream, type Replay } from './push-stream.ts';
