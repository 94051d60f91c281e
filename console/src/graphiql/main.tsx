import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { type Client, createClient } from 'graphql-ws';
import { type ComponentProps, StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { isStreamed } from '../api/is-streamed.ts';
import { getSession } from '../session/session.ts';
import './workers.ts';
import './graphiql.css';

type Fetcher = ComponentProps<typeof GraphiQL>['fetcher'];

const FIRST_QUERY = `# Stationmaster's API. Ctrl-Enter runs the operation; the book on the left describes everything.
# Add @live, and the answer is sent again whenever it changes.

query Fleet @live(throttleMs: 1000) {
  fleetSummary {
    total
    byStatus {
      status
      count
    }
  }
  workstations(first: 5, filter: { status: [ERROR] }) {
    totalCount
    nodes {
      name
      status
      manager {
        name
      }
    }
  }
}
`;

/** The header that the editor begins with: that of the console's session in this tab. */
function sessionHeaders(): string | undefined {
  const { token } = getSession();
  return token === null ? undefined : JSON.stringify({ Authorization: `Bearer ${token}` }, null, 2);
}

const sockets = new Map<string, Client>();

/** One connection for each token. */
function socketFor(authorization: string): Client {
  let socket = sockets.get(authorization);
  if (!socket) {
    socket = createClient({
      url: `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/graphql`,
      connectionParams: authorization === '' ? {} : { authorization },
      retryAttempts: 20,
    });
    sockets.set(authorization, socket);
  }
  return socket;
}

/** Subscriptions and live queries go over a WebSocket, everything else over HTTP. */
const fetcher: Fetcher = (parameters, options) => {
  const { headers = {}, documentAST } = options ?? {};
  if (documentAST && isStreamed(documentAST, parameters.operationName ?? undefined)) {
    const name = Object.keys(headers).find((key) => key.toLowerCase() === 'authorization');
    return socketFor(name === undefined ? '' : String(headers[name])).iterate(parameters) as ReturnType<Fetcher>;
  }
  return fetch('/graphql', {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(parameters),
  }).then((response) => response.json());
};

createRoot(document.getElementById('root')!).render(
  <StrictMode>
    <GraphiQL
      fetcher={fetcher}
      initialHeaders={sessionHeaders()}
      defaultQuery={FIRST_QUERY}
      defaultEditorToolsVisibility="headers"
    >
      <GraphiQL.Logo>
        <a href="/" className="graphiql-home">
          Stationmaster
        </a>
      </GraphiQL.Logo>
    </GraphiQL>
  </StrictMode>,
);
