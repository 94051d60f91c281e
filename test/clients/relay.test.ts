import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, before, test } from 'node:test';
import { createClient } from 'graphql-ws';
import relay, { type GraphQLResponse, type OperationType, type RequestParameters, type Variables } from 'relay-runtime';
import { addRack, addWorkstation, authorization, changeUntil, Results, setStatus, socketUrl, url } from './support.ts';
import { compileRelay } from './tools.ts';

const { commitMutation, createOperationDescriptor, Environment, fetchQuery, getSingularSelector, Network, Observable } =
  relay;
const { ConnectionHandler, RecordSource, requestSubscription, ROOT_ID, Store } = relay;

const require = createRequire(import.meta.url);
const artifact = (name: string) => require(`./relay/generated/by-text/${name}.graphql.js`);

const sockets = createClient({ url: socketUrl, connectionParams: { authorization } });
after(() => sockets.dispose());

before(() => compileRelay('by-text'));

async function send({ text }: RequestParameters, variables: Variables): Promise<GraphQLResponse> {
  const headers = { 'content-type': 'application/json', authorization };
  const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query: text, variables }) });
  return (await response.json()) as GraphQLResponse;
}

const subscribe = ({ text }: RequestParameters, variables: Variables) =>
  Observable.create<any>((sink) => sockets.subscribe({ query: text!, variables }, sink as never));

/** Live queries have several answers, so they go over the WebSocket. */
const fetchOrFollow = (request: RequestParameters, variables: Variables) =>
  request.text!.includes('@live') ? subscribe(request, variables) : send(request, variables);

const createEnvironment = () =>
  new Environment({ network: Network.create(fetchOrFollow, subscribe), store: new Store(new RecordSource()) });

/** Reads a fragment as the component would that shows it. */
function readFragment(environment: InstanceType<typeof Environment>, fragment: string, reference: unknown): any {
  const snapshot = environment.lookup(getSingularSelector(artifact(fragment), reference)!);
  assert.equal(snapshot.isMissingData, false);
  return snapshot.data;
}

const idsOf = ({ edges }: { edges: { node: { id: string } }[] }) => edges.map(({ node }) => node.id);

test('Relay pages forward through a connection at the root', async () => {
  const environment = createEnvironment();
  const { tag, rows } = await addRack(5);
  const root = await fetchQuery<OperationType>(environment, artifact('fleetRackQuery'), { tag }).toPromise();
  const { pageInfo } = readFragment(environment, 'fleet_rack', root).workstations;
  assert.equal(pageInfo.hasNextPage, true);
  const next = { tag, after: pageInfo.endCursor, first: 3 };
  await fetchQuery(environment, artifact('fleetRackPaginationQuery'), next).toPromise();
  const { workstations } = readFragment(environment, 'fleet_rack', root);
  assert.deepEqual(
    idsOf(workstations),
    rows.map(({ id }) => id),
  );
  assert.equal(workstations.pageInfo.hasNextPage, false);
});

test('Relay pages backward from the end of a connection', async () => {
  const environment = createEnvironment();
  const { tag, rows } = await addRack(5);
  const root = await fetchQuery<OperationType>(environment, artifact('fleetEndQuery'), { tag }).toPromise();
  const read = () => readFragment(environment, 'fleet_end', root).workstations;
  while (read().pageInfo.hasPreviousPage) {
    const previous = { tag, before: read().pageInfo.startCursor };
    await fetchQuery(environment, artifact('fleetEndPaginationQuery'), previous).toPromise();
  }
  assert.deepEqual(
    idsOf(read()),
    rows.map(({ id }) => id),
  );
});

test('Relay asks for a fragment below the root again, by node(id)', async () => {
  const environment = createEnvironment();
  const { id } = (await addRack(1)).rows[0]!;
  const { workstation } = (await fetchQuery<any>(environment, artifact('fleetDetailsQuery'), { id }).toPromise())!;
  assert.equal(readFragment(environment, 'fleet_details', workstation).status, 'OFFLINE');
  await setStatus(id, 'ERROR');
  await fetchQuery(environment, artifact('fleetDetailsRefetchQuery'), { id }).toPromise();
  assert.equal(readFragment(environment, 'fleet_details', workstation).status, 'ERROR');
});

test('Relay pages through a connection of a row, by node(id)', async () => {
  const environment = createEnvironment();
  const { managerId, rows } = await addTeam(5);
  const query = artifact('fleetManagerQuery');
  const { manager } = (await fetchQuery<any>(environment, query, { id: managerId }).toPromise())!;
  const read = () => readFragment(environment, 'fleet_workstations', manager).workstations;
  while (read().pageInfo.hasNextPage) {
    const next = { id: managerId, after: read().pageInfo.endCursor };
    await fetchQuery(environment, artifact('fleetWorkstationsPaginationQuery'), next).toPromise();
  }
  assert.deepEqual(
    idsOf(read()),
    rows.map(({ id }) => id),
  );
});

async function addTeam(count: number) {
  const { rows } = await addRack(count);
  const create = `mutation ($email: EmailAddress!) { createManager(input: { name: "Ada", email: $email }) { id } }`;
  const { data } = (await send({ text: create } as RequestParameters, {
    email: `${rows[0]!.name}@example.com`,
  })) as any;
  const managerId: string = data.createManager.id;
  const text = `mutation ($filter: WorkstationFilter!, $managerId: ID) {
    updateWorkstations(filter: $filter, input: { managerId: $managerId }) { changed }
  }`;
  await send({ text } as RequestParameters, { filter: { ids: rows.map(({ id }) => id) }, managerId });
  return { managerId, rows };
}

test('Relay shows what a mutation answered, and removes the edge of what one deleted', async () => {
  const environment = createEnvironment();
  const { tag, rows } = await addRack(2);
  const operation = createOperationDescriptor(artifact('fleetRackQuery'), { tag });
  environment.retain(operation);
  const root = await fetchQuery<OperationType>(environment, artifact('fleetRackQuery'), { tag }).toPromise();
  const read = () => readFragment(environment, 'fleet_rack', root).workstations.edges.map(({ node }: any) => node);
  await commit(environment, 'fleetSetStatusMutation', { id: rows[0]!.id, status: 'MAINTENANCE' });
  assert.deepEqual(
    read().map(({ status }: any) => status),
    ['MAINTENANCE', 'OFFLINE'],
  );
  const connection = ConnectionHandler.getConnectionID(ROOT_ID, 'fleet_rack__workstations', {
    filter: { tags: [tag] },
  });
  await commit(environment, 'fleetDeleteMutation', { id: rows[0]!.id, connections: [connection] });
  assert.deepEqual(
    read().map(({ id }: any) => id),
    [rows[1]!.id],
  );
});

function commit(environment: InstanceType<typeof Environment>, name: string, variables: Variables): Promise<void> {
  return new Promise((resolve, onError) => {
    const onCompleted = (_: unknown, errors: unknown) => (errors ? onError(errors) : resolve());
    commitMutation(environment, { mutation: artifact(name), variables, onCompleted, onError });
  });
}

test('Relay subscribes over graphql-ws, and its store follows the events', async () => {
  const environment = createEnvironment();
  const { tag, rows } = await addRack(1);
  const query = artifact('fleetDetailsQuery');
  const { workstation } = (await fetchQuery<any>(environment, query, { id: rows[0]!.id }).toPromise())!;
  const events = new Results<any>();
  const subscription = artifact('fleetChangesSubscription');
  const { next: onNext, error: onError } = events.observer;
  const { dispose } = requestSubscription(environment, { subscription, variables: { tag }, onNext, onError });
  await changeUntil(
    rows[0]!.id,
    events.until(() => true),
  );
  await setStatus(rows[0]!.id, 'ERROR');
  await events.until(({ workstationChanged }) => workstationChanged.workstation.status === 'ERROR');
  assert.equal(readFragment(environment, 'fleet_details', workstation).status, 'ERROR');
  dispose();
});

test('Relay renders a live query anew with each change, rows that are added too', async () => {
  const environment = createEnvironment();
  const { tag, rows } = await addRack(1);
  const answers = new Results<any>();
  const { next, error } = answers.observer;
  const live = fetchQuery<any>(environment, artifact('fleetLiveQuery'), { tag }).subscribe({ next, error });
  const statuses = ({ workstations }: any) => workstations.nodes.map(({ status }: any) => status).join();
  await answers.until((answer) => statuses(answer) === 'OFFLINE');
  await setStatus(rows[0]!.id, 'ONLINE');
  await answers.until((answer) => statuses(answer) === 'ONLINE');
  await addWorkstation(tag);
  await answers.until((answer) => statuses(answer) === 'OFFLINE,ONLINE');
  live.unsubscribe();
});
