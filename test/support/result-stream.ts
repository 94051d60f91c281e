/** What came over a stream: the name of an event, and its data. A part of a multipart response is called `part`. */
export interface StreamedEvent {
  readonly event: string;
  readonly data: any;
  readonly id?: string;
}

export interface ReceivedStream {
  readonly response: Response;
  /** Resolves to the next event, `undefined` after the end; comments and heartbeats are left out. */
  next(): Promise<StreamedEvent | undefined>;
  stop(): void;
}

export const SSE = 'text/event-stream';
export const MULTIPART = 'multipart/mixed;boundary=graphql;subscriptionSpec=1.0,application/json';

/** Sends an operation as clients of streams do: with a POST, or a GET without a body. */
export async function openStream(
  url: string,
  body: object | null,
  { accept = SSE, ...headers }: Record<string, string> = {},
): Promise<ReceivedStream> {
  const abort = new AbortController();
  const response = await fetch(url, {
    ...(body && { method: 'POST', body: JSON.stringify(body) }),
    headers: { accept, 'content-type': 'application/json', ...headers },
    signal: abort.signal,
  });
  const type = response.headers.get('content-type') ?? '';
  const events = type.startsWith(SSE) ? readEvents(response) : readParts(response);
  return {
    response,
    next: async () => (await events.next()).value,
    stop: () => abort.abort(),
  };
}

async function* readEvents(response: Response): AsyncGenerator<StreamedEvent, undefined> {
  for await (const block of readBlocks(response, '\n\n')) {
    const fields = new Map(
      block.split('\n').map((line) => {
        const colon = line.indexOf(':');
        return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
      }),
    );
    const data = fields.get('data');
    const id = fields.get('id');
    const event = fields.get('event');
    if (event) yield { event, data: data ? JSON.parse(data) : undefined, ...(id && { id }) };
  }
}

async function* readParts(response: Response): AsyncGenerator<StreamedEvent, undefined> {
  for await (const part of readBlocks(response, '\r\n--graphql')) {
    const json = part.split('\r\n\r\n')[1];
    if (json !== undefined && json !== '{}') yield { event: 'part', data: JSON.parse(json) };
  }
}

async function* readBlocks({ body }: Response, end: string): AsyncGenerator<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const bytes of body!) {
    text += decoder.decode(bytes, { stream: true });
    const blocks = text.split(end);
    text = blocks.pop()!;
    yield* blocks;
  }
}
