/* The messages of PostgreSQL's protocol, as a proxy sees them. */

/** NotificationResponse (PostgreSQL, "Message Formats"). */
const NOTIFICATION = 'A'.charCodeAt(0);

export function isNotification(message: Buffer): boolean {
  return message[0] === NOTIFICATION;
}

/** CopyData, in which the log is streamed. */
const COPY_DATA = 'd'.charCodeAt(0);

export function isCopyData(message: Buffer): boolean {
  return message[0] === COPY_DATA;
}

const TYPE_BYTES = 1;
const HEADER_BYTES = 5;

/** Calls `onMessage` with each whole message of the stream. */
export function splitMessages(onMessage: (message: Buffer) => void): (bytes: Buffer) => void {
  let held = Buffer.alloc(0);
  return (bytes) => {
    held = Buffer.concat([held, bytes]);
    while (held.length >= HEADER_BYTES) {
      const end = TYPE_BYTES + held.readInt32BE(TYPE_BYTES);
      if (held.length < end) return;
      onMessage(held.subarray(0, end));
      held = held.subarray(end);
    }
  };
}
