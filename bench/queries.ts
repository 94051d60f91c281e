/*
 * The documents of the workloads. PostGraphile derives its own names from the tables; aliases give its responses the
 * same shape, so they can be compared directly.
 */

interface Words {
  readonly id: string;
  readonly workstations: string;
  readonly workstation: string;
  readonly idType: string;
  readonly manager: string;
  readonly managers: string;
  readonly workstationsOfManager: string;
  /** The text of the mutation before and after the workstation's selection. */
  readonly update: readonly [before: string, after: string];
}

const STATIONMASTER: Words = {
  id: 'id',
  workstations: 'workstations(first: 50)',
  workstation: 'workstation(id: $id)',
  idType: 'ID!',
  manager: 'manager',
  managers: 'managers(first: 20)',
  workstationsOfManager: 'workstations(first: 50)',
  update: ['updateWorkstation(id: $id, input: { hostname: $hostname })', ''],
};

const NEWEST_FIRST = 'orderBy: [CREATED_AT_DESC, ROW_ID_DESC]';

const POSTGRAPHILE: Words = {
  id: 'id: rowId',
  workstations: `workstations: allWorkstations(first: 50, ${NEWEST_FIRST})`,
  workstation: 'workstation: workstationByRowId(rowId: $id)',
  idType: 'UUID!',
  manager: 'manager: managerByManagerId',
  managers: `managers: allManagers(first: 20, ${NEWEST_FIRST})`,
  workstationsOfManager: `workstations: workstationsByManagerId(first: 50, ${NEWEST_FIRST})`,
  update: [
    `updateWorkstation: updateWorkstationByRowId(
      input: { rowId: $id, workstationPatch: { hostname: $hostname } }) { workstation`,
    '}',
  ],
};

const FIELDS = [
  'name',
  'hostname',
  'ipAddress',
  'operatingSystem',
  'status',
  'cpuUsage',
  'memoryUsage',
  'diskUsage',
  'version',
] as const;

const USAGES_AND_NAMES = 'name hostname ipAddress operatingSystem status cpuUsage memoryUsage diskUsage';
const SHAPES = 200;

/** The documents of all workloads, in the names of one server. */
export interface Documents {
  /** 50 workstations with their managers. */
  readonly list: string;
  /** 50 workstations without managers: one level, so one statement. */
  readonly plainList: string;
  /** The rows of `list` in 200 different selections. */
  readonly shapes: readonly string[];
  /** 20 managers, 50 workstations of each, and the manager of each of those. */
  readonly nested: string;
  /** One workstation; variable `id`. */
  readonly record: string;
  /** Changes a workstation's host name; variables `id`, `hostname`. */
  readonly update: string;
}

export function documentsFor(dialect: 'stationmaster' | 'postgraphile'): Documents {
  const words = dialect === 'stationmaster' ? STATIONMASTER : POSTGRAPHILE;
  const { id, manager, managers, workstations, workstation, workstationsOfManager, idType, update } = words;
  const row = `{ ${id} name hostname ipAddress operatingSystem status cpuUsage version }`;
  return {
    list: `{ ${workstations} { nodes { ${id} ${USAGES_AND_NAMES} ${manager} { ${id} name email } } } }`,
    plainList: `{ ${workstations} { nodes { ${id} ${USAGES_AND_NAMES} } } }`,
    shapes: Array.from({ length: SHAPES }, (_, index) => `{ ${workstations} { nodes { ${shape(index, words)} } } }`),
    nested: `{ ${managers} { nodes { ${id} name email ${workstationsOfManager} {
      nodes { ${id} name hostname status cpuUsage ${manager} { ${id} name } } } } } }`,
    record: `query ($id: ${idType}) { ${workstation} ${row} }`,
    update: `mutation ($id: ${idType}, $hostname: String!) { ${update[0]} ${row} ${update[1]} }`,
  };
}

/** A distinct selection for each number: the bits of a multiple of the number choose the fields. */
function shape(index: number, { id, manager }: Words): string {
  const bits = (index * 5 + 2) % 2 ** (FIELDS.length + 1);
  const chosen = FIELDS.filter((_, bit) => bits & (1 << bit));
  const ofManager = index % 2 === 0 ? 'name' : 'name email';
  return [id, ...chosen, `${manager} { ${id} ${ofManager} }`].join(' ');
}

/** Telemetry, in the names of all servers but PostGraphile; variable `readings`. */
export const REPORT = 'mutation ($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored } }';

/** The JSON body of a request. */
export function body(query: string, variables?: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ query, variables });
}
