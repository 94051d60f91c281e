export type { Change, Command, Row } from './change.ts';
export { ChangeFeed, type FeedListener, type FeedState } from './change-feed.ts';
export { CHANNEL, type NotificationSource } from './notification-source.ts';
export { openChangeFeed } from './open-feed.ts';
export { createPgliteSource } from './pglite-source.ts';
export { Positions } from './positions.ts';
export { createPostgresqlSource } from './postgresql-source.ts';
export { createPushStream, type PushStream } from './push-stream.ts';
