/* eslint-disable */
import * as types from './graphql';
import type { TypedDocumentNode as DocumentNode } from '@graphql-typed-document-node/core';

/**
 * Map of all GraphQL operations in the project.
 *
 * This map has several performance disadvantages:
 * 1. It is not tree-shakeable, so it will include all operations in the project.
 * 2. It is not minifiable, so the string of a GraphQL query will be multiple times inside the bundle.
 * 3. It does not support dead code elimination, so it will add unused operations.
 *
 * Therefore it is highly recommended to use the babel or swc plugin for production.
 * Learn more about it here: https://the-guild.dev/graphql/codegen/plugins/presets/preset-client#reducing-bundle-size
 */
type Documents = {
    "\n  query FindManagers($filter: ManagerFilter) {\n    managers(first: 100, filter: $filter, orderBy: { field: NAME, direction: ASC }) {\n      totalCount\n      nodes {\n        id\n        name\n        email\n      }\n    }\n  }\n": typeof types.FindManagersDocument,
    "\n  mutation RevokeAgentKey($id: ID!) {\n    revokeAgentKey(workstationId: $id)\n  }\n": typeof types.RevokeAgentKeyDocument,
    "\n  mutation UpdateWorkstations($filter: WorkstationFilter!, $input: UpdateWorkstationsInput!, $dryRun: Boolean!) {\n    updateWorkstations(filter: $filter, input: $input, dryRun: $dryRun) {\n      matched\n      changed\n    }\n  }\n": typeof types.UpdateWorkstationsDocument,
    "\n  query AgentEnrollments {\n    agentEnrollments {\n      id\n      label\n      uses\n      maxUses\n      createdAt\n      expiresAt\n      revokedAt\n    }\n  }\n": typeof types.AgentEnrollmentsDocument,
    "\n  mutation CreateAgentEnrollment($input: CreateAgentEnrollmentInput!) {\n    createAgentEnrollment(input: $input) {\n      id\n      label\n      maxUses\n      expiresAt\n      token\n    }\n  }\n": typeof types.CreateAgentEnrollmentDocument,
    "\n  mutation RevokeAgentEnrollment($id: ID!) {\n    revokeAgentEnrollment(id: $id)\n  }\n": typeof types.RevokeAgentEnrollmentDocument,
    "\n  query AgentMachines($filter: WorkstationFilter!) @live(throttleMs: 1000) {\n    workstations(first: 20, filter: $filter, orderBy: { field: NAME, direction: ASC }) {\n      totalCount\n      nodes {\n        id\n        name\n        hostname\n        status\n        machineId\n        lastSeenAt\n      }\n    }\n  }\n": typeof types.AgentMachinesDocument,
    "\n  fragment CacheEntryFigures on CacheEntry {\n    key\n    layer\n    bytes\n    ageSeconds\n    expiresInSeconds\n    dependents\n    hits\n  }\n": typeof types.CacheEntryFiguresFragmentDoc,
    "\n  fragment CacheRemovalCauses on CacheRemoval {\n    key\n    layer\n    cause\n    at\n    dependency\n    by\n  }\n": typeof types.CacheRemovalCausesFragmentDoc,
    "\n  query CachePage(\n    $pattern: String!\n    $layer: String\n    $first: Int!\n    $after: String\n    $orderBy: CacheEntryOrder\n    $causes: [CacheRemovalCause!]\n  ) {\n    cacheStats {\n      hits\n      misses\n      size\n      bytes\n      evictions\n      hitRatePercent\n      layers {\n        name\n        hits\n        misses\n        size\n        evictions\n        hitRatePercent\n      }\n    }\n    cacheEntries(pattern: $pattern, layer: $layer, first: $first, after: $after, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      nodes {\n        ...CacheEntryFigures\n      }\n    }\n    cacheRemovals(pattern: $pattern, causes: $causes, first: 50) {\n      ...CacheRemovalCauses\n    }\n  }\n": typeof types.CachePageDocument,
    "\n  query CacheEntryDetails($key: String!, $pattern: String!) {\n    cacheEntry(key: $key) {\n      ...CacheEntryFigures\n      version\n      dependencies(first: 101)\n    }\n    cacheRemovals(pattern: $pattern, first: 50) {\n      ...CacheRemovalCauses\n      position\n    }\n  }\n": typeof types.CacheEntryDetailsDocument,
    "\n  mutation InvalidateCache($pattern: String!, $dryRun: Boolean!) {\n    invalidateCache(pattern: $pattern, dryRun: $dryRun) {\n      message\n      pattern\n      entriesRemoved\n      keys\n    }\n  }\n": typeof types.InvalidateCacheDocument,
    "\n  mutation ClearCache {\n    clearCache {\n      message\n      entriesRemoved\n    }\n  }\n": typeof types.ClearCacheDocument,
    "\n  query FleetWindow(\n    $first: Int\n    $after: String\n    $last: Int\n    $before: String\n    $filter: WorkstationFilter\n    $orderBy: WorkstationOrder\n  ) @live(throttleMs: 700) {\n    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        hasPreviousPage\n      }\n      edges {\n        cursor\n        node {\n          id\n          name\n          status\n          hostname\n          ipAddress\n          operatingSystem\n          cpuUsage\n          memoryUsage\n          diskUsage\n          lastSeenAt\n          createdAt\n          updatedAt\n          tags\n          manager {\n            id\n            name\n          }\n        }\n      }\n    }\n  }\n": typeof types.FleetWindowDocument,
    "\n  query FleetStep(\n    $first: Int\n    $after: String\n    $last: Int\n    $before: String\n    $filter: WorkstationFilter\n    $orderBy: WorkstationOrder\n  ) {\n    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {\n      pageInfo {\n        startCursor\n        endCursor\n        hasNextPage\n        hasPreviousPage\n      }\n    }\n  }\n": typeof types.FleetStepDocument,
    "\n  query FleetSummary($filter: WorkstationFilter) @live(throttleMs: 1000) {\n    fleetSummary(filter: $filter) {\n      total\n      unmanaged\n      byStatus {\n        status\n        count\n      }\n      byOperatingSystem {\n        operatingSystem\n        count\n      }\n      cpuUsage {\n        average\n        maximum\n      }\n      memoryUsage {\n        average\n        maximum\n      }\n      diskUsage {\n        average\n        maximum\n      }\n    }\n  }\n": typeof types.FleetSummaryDocument,
    "\n  mutation CreateWorkstation($input: CreateWorkstationInput!) {\n    createWorkstation(input: $input) {\n      id\n      name\n    }\n  }\n": typeof types.CreateWorkstationDocument,
    "\n  mutation DeleteWorkstations($filter: WorkstationFilter!, $dryRun: Boolean!) {\n    deleteWorkstations(filter: $filter, dryRun: $dryRun) {\n      matched\n      changed\n    }\n  }\n": typeof types.DeleteWorkstationsDocument,
    "\n  query ManagerName($id: ID!) {\n    manager(id: $id) {\n      id\n      name\n    }\n  }\n": typeof types.ManagerNameDocument,
    "\n  query ManagersPage($first: Int!, $after: String, $filter: ManagerFilter, $orderBy: ManagerOrder) @live(throttleMs: 500) {\n    managers(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      nodes {\n        id\n        name\n        email\n        version\n        createdAt\n        workstations(first: 1) {\n          totalCount\n        }\n      }\n    }\n  }\n": typeof types.ManagersPageDocument,
    "\n  query ManagerWithWorkstations($id: ID!, $first: Int!, $after: String) @live(throttleMs: 500) {\n    manager(id: $id) {\n      id\n      name\n      email\n      version\n      createdAt\n      updatedAt\n      workstations(first: $first, after: $after) {\n        totalCount\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n        nodes {\n          id\n          name\n          status\n          hostname\n        }\n      }\n    }\n  }\n": typeof types.ManagerWithWorkstationsDocument,
    "\n  mutation CreateManager($input: CreateManagerInput!) {\n    createManager(input: $input) {\n      id\n      name\n    }\n  }\n": typeof types.CreateManagerDocument,
    "\n  mutation UpdateManager($id: ID!, $input: UpdateManagerInput!) {\n    updateManager(id: $id, input: $input) {\n      id\n      name\n    }\n  }\n": typeof types.UpdateManagerDocument,
    "\n  mutation DeleteManager($id: ID!) {\n    deleteManager(id: $id)\n  }\n": typeof types.DeleteManagerDocument,
    "\n  fragment PerformanceFigures on PerformanceSample {\n    timestamp\n    hits\n    misses\n    evictions\n    requests\n    errors\n    sqlStatements\n    changes\n    requestP50Ms\n    requestP99Ms\n    cacheSize\n    cacheBytes\n    memoryBytes\n    activeConnections\n    activeSubscriptions\n  }\n": typeof types.PerformanceFiguresFragmentDoc,
    "\n  fragment CurrentPerformance on PerformanceMetrics {\n    instanceId\n    uptimeSeconds\n    changeFeed {\n      state\n      gaps\n      reason\n    }\n    cache {\n      hits\n      misses\n      evictions\n      size\n      bytes\n      errors\n      hitRatePercent\n      layers {\n        name\n        hits\n        misses\n        evictions\n        size\n        hitRatePercent\n      }\n    }\n    instances {\n      instanceId\n      feedState\n      hits\n      misses\n      audit {\n        audited\n        stale\n        visibilityP50Ms\n        visibilityP99Ms\n      }\n      latest {\n        ...PerformanceFigures\n      }\n    }\n  }\n": typeof types.CurrentPerformanceFragmentDoc,
    "\n  subscription PerformanceUpdates {\n    performanceMetricsUpdated(everySeconds: 5) {\n      ...CurrentPerformance\n    }\n  }\n": typeof types.PerformanceUpdatesDocument,
    "\n  query Performance {\n    performanceMetrics {\n      ...CurrentPerformance\n    }\n  }\n": typeof types.PerformanceDocument,
    "\n  query PerformanceHistory($instanceId: ID!) {\n    performanceHistory(minutes: 60, instanceId: $instanceId) {\n      ...PerformanceFigures\n    }\n  }\n": typeof types.PerformanceHistoryDocument,
    "\n  fragment WorkstationDetails on Workstation {\n    id\n    name\n    hostname\n    ipAddress\n    operatingSystem\n    status\n    tags\n    machineId\n    version\n    createdAt\n    updatedAt\n    lastSeenAt\n    cpuUsage\n    memoryUsage\n    diskUsage\n    manager {\n      id\n      name\n      email\n    }\n  }\n": typeof types.WorkstationDetailsFragmentDoc,
    "\n  query WorkstationPage($id: ID!) @live {\n    workstation(id: $id) {\n      ...WorkstationDetails\n    }\n  }\n": typeof types.WorkstationPageDocument,
    "\n  subscription WorkstationChanges($id: ID!, $since: String) {\n    workstationChanged(ids: [$id], since: $since) {\n      kind\n      changedAt\n      position\n      workstation {\n        ...WorkstationDetails\n      }\n    }\n  }\n": typeof types.WorkstationChangesDocument,
    "\n  mutation UpdateWorkstation($id: ID!, $input: UpdateWorkstationInput!) {\n    updateWorkstation(id: $id, input: $input) {\n      id\n    }\n  }\n": typeof types.UpdateWorkstationDocument,
    "\n  mutation DeleteWorkstation($id: ID!) {\n    deleteWorkstation(id: $id)\n  }\n": typeof types.DeleteWorkstationDocument,
};
const documents: Documents = {
    "\n  query FindManagers($filter: ManagerFilter) {\n    managers(first: 100, filter: $filter, orderBy: { field: NAME, direction: ASC }) {\n      totalCount\n      nodes {\n        id\n        name\n        email\n      }\n    }\n  }\n": types.FindManagersDocument,
    "\n  mutation RevokeAgentKey($id: ID!) {\n    revokeAgentKey(workstationId: $id)\n  }\n": types.RevokeAgentKeyDocument,
    "\n  mutation UpdateWorkstations($filter: WorkstationFilter!, $input: UpdateWorkstationsInput!, $dryRun: Boolean!) {\n    updateWorkstations(filter: $filter, input: $input, dryRun: $dryRun) {\n      matched\n      changed\n    }\n  }\n": types.UpdateWorkstationsDocument,
    "\n  query AgentEnrollments {\n    agentEnrollments {\n      id\n      label\n      uses\n      maxUses\n      createdAt\n      expiresAt\n      revokedAt\n    }\n  }\n": types.AgentEnrollmentsDocument,
    "\n  mutation CreateAgentEnrollment($input: CreateAgentEnrollmentInput!) {\n    createAgentEnrollment(input: $input) {\n      id\n      label\n      maxUses\n      expiresAt\n      token\n    }\n  }\n": types.CreateAgentEnrollmentDocument,
    "\n  mutation RevokeAgentEnrollment($id: ID!) {\n    revokeAgentEnrollment(id: $id)\n  }\n": types.RevokeAgentEnrollmentDocument,
    "\n  query AgentMachines($filter: WorkstationFilter!) @live(throttleMs: 1000) {\n    workstations(first: 20, filter: $filter, orderBy: { field: NAME, direction: ASC }) {\n      totalCount\n      nodes {\n        id\n        name\n        hostname\n        status\n        machineId\n        lastSeenAt\n      }\n    }\n  }\n": types.AgentMachinesDocument,
    "\n  fragment CacheEntryFigures on CacheEntry {\n    key\n    layer\n    bytes\n    ageSeconds\n    expiresInSeconds\n    dependents\n    hits\n  }\n": types.CacheEntryFiguresFragmentDoc,
    "\n  fragment CacheRemovalCauses on CacheRemoval {\n    key\n    layer\n    cause\n    at\n    dependency\n    by\n  }\n": types.CacheRemovalCausesFragmentDoc,
    "\n  query CachePage(\n    $pattern: String!\n    $layer: String\n    $first: Int!\n    $after: String\n    $orderBy: CacheEntryOrder\n    $causes: [CacheRemovalCause!]\n  ) {\n    cacheStats {\n      hits\n      misses\n      size\n      bytes\n      evictions\n      hitRatePercent\n      layers {\n        name\n        hits\n        misses\n        size\n        evictions\n        hitRatePercent\n      }\n    }\n    cacheEntries(pattern: $pattern, layer: $layer, first: $first, after: $after, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      nodes {\n        ...CacheEntryFigures\n      }\n    }\n    cacheRemovals(pattern: $pattern, causes: $causes, first: 50) {\n      ...CacheRemovalCauses\n    }\n  }\n": types.CachePageDocument,
    "\n  query CacheEntryDetails($key: String!, $pattern: String!) {\n    cacheEntry(key: $key) {\n      ...CacheEntryFigures\n      version\n      dependencies(first: 101)\n    }\n    cacheRemovals(pattern: $pattern, first: 50) {\n      ...CacheRemovalCauses\n      position\n    }\n  }\n": types.CacheEntryDetailsDocument,
    "\n  mutation InvalidateCache($pattern: String!, $dryRun: Boolean!) {\n    invalidateCache(pattern: $pattern, dryRun: $dryRun) {\n      message\n      pattern\n      entriesRemoved\n      keys\n    }\n  }\n": types.InvalidateCacheDocument,
    "\n  mutation ClearCache {\n    clearCache {\n      message\n      entriesRemoved\n    }\n  }\n": types.ClearCacheDocument,
    "\n  query FleetWindow(\n    $first: Int\n    $after: String\n    $last: Int\n    $before: String\n    $filter: WorkstationFilter\n    $orderBy: WorkstationOrder\n  ) @live(throttleMs: 700) {\n    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        hasPreviousPage\n      }\n      edges {\n        cursor\n        node {\n          id\n          name\n          status\n          hostname\n          ipAddress\n          operatingSystem\n          cpuUsage\n          memoryUsage\n          diskUsage\n          lastSeenAt\n          createdAt\n          updatedAt\n          tags\n          manager {\n            id\n            name\n          }\n        }\n      }\n    }\n  }\n": types.FleetWindowDocument,
    "\n  query FleetStep(\n    $first: Int\n    $after: String\n    $last: Int\n    $before: String\n    $filter: WorkstationFilter\n    $orderBy: WorkstationOrder\n  ) {\n    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {\n      pageInfo {\n        startCursor\n        endCursor\n        hasNextPage\n        hasPreviousPage\n      }\n    }\n  }\n": types.FleetStepDocument,
    "\n  query FleetSummary($filter: WorkstationFilter) @live(throttleMs: 1000) {\n    fleetSummary(filter: $filter) {\n      total\n      unmanaged\n      byStatus {\n        status\n        count\n      }\n      byOperatingSystem {\n        operatingSystem\n        count\n      }\n      cpuUsage {\n        average\n        maximum\n      }\n      memoryUsage {\n        average\n        maximum\n      }\n      diskUsage {\n        average\n        maximum\n      }\n    }\n  }\n": types.FleetSummaryDocument,
    "\n  mutation CreateWorkstation($input: CreateWorkstationInput!) {\n    createWorkstation(input: $input) {\n      id\n      name\n    }\n  }\n": types.CreateWorkstationDocument,
    "\n  mutation DeleteWorkstations($filter: WorkstationFilter!, $dryRun: Boolean!) {\n    deleteWorkstations(filter: $filter, dryRun: $dryRun) {\n      matched\n      changed\n    }\n  }\n": types.DeleteWorkstationsDocument,
    "\n  query ManagerName($id: ID!) {\n    manager(id: $id) {\n      id\n      name\n    }\n  }\n": types.ManagerNameDocument,
    "\n  query ManagersPage($first: Int!, $after: String, $filter: ManagerFilter, $orderBy: ManagerOrder) @live(throttleMs: 500) {\n    managers(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      nodes {\n        id\n        name\n        email\n        version\n        createdAt\n        workstations(first: 1) {\n          totalCount\n        }\n      }\n    }\n  }\n": types.ManagersPageDocument,
    "\n  query ManagerWithWorkstations($id: ID!, $first: Int!, $after: String) @live(throttleMs: 500) {\n    manager(id: $id) {\n      id\n      name\n      email\n      version\n      createdAt\n      updatedAt\n      workstations(first: $first, after: $after) {\n        totalCount\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n        nodes {\n          id\n          name\n          status\n          hostname\n        }\n      }\n    }\n  }\n": types.ManagerWithWorkstationsDocument,
    "\n  mutation CreateManager($input: CreateManagerInput!) {\n    createManager(input: $input) {\n      id\n      name\n    }\n  }\n": types.CreateManagerDocument,
    "\n  mutation UpdateManager($id: ID!, $input: UpdateManagerInput!) {\n    updateManager(id: $id, input: $input) {\n      id\n      name\n    }\n  }\n": types.UpdateManagerDocument,
    "\n  mutation DeleteManager($id: ID!) {\n    deleteManager(id: $id)\n  }\n": types.DeleteManagerDocument,
    "\n  fragment PerformanceFigures on PerformanceSample {\n    timestamp\n    hits\n    misses\n    evictions\n    requests\n    errors\n    sqlStatements\n    changes\n    requestP50Ms\n    requestP99Ms\n    cacheSize\n    cacheBytes\n    memoryBytes\n    activeConnections\n    activeSubscriptions\n  }\n": types.PerformanceFiguresFragmentDoc,
    "\n  fragment CurrentPerformance on PerformanceMetrics {\n    instanceId\n    uptimeSeconds\n    changeFeed {\n      state\n      gaps\n      reason\n    }\n    cache {\n      hits\n      misses\n      evictions\n      size\n      bytes\n      errors\n      hitRatePercent\n      layers {\n        name\n        hits\n        misses\n        evictions\n        size\n        hitRatePercent\n      }\n    }\n    instances {\n      instanceId\n      feedState\n      hits\n      misses\n      audit {\n        audited\n        stale\n        visibilityP50Ms\n        visibilityP99Ms\n      }\n      latest {\n        ...PerformanceFigures\n      }\n    }\n  }\n": types.CurrentPerformanceFragmentDoc,
    "\n  subscription PerformanceUpdates {\n    performanceMetricsUpdated(everySeconds: 5) {\n      ...CurrentPerformance\n    }\n  }\n": types.PerformanceUpdatesDocument,
    "\n  query Performance {\n    performanceMetrics {\n      ...CurrentPerformance\n    }\n  }\n": types.PerformanceDocument,
    "\n  query PerformanceHistory($instanceId: ID!) {\n    performanceHistory(minutes: 60, instanceId: $instanceId) {\n      ...PerformanceFigures\n    }\n  }\n": types.PerformanceHistoryDocument,
    "\n  fragment WorkstationDetails on Workstation {\n    id\n    name\n    hostname\n    ipAddress\n    operatingSystem\n    status\n    tags\n    machineId\n    version\n    createdAt\n    updatedAt\n    lastSeenAt\n    cpuUsage\n    memoryUsage\n    diskUsage\n    manager {\n      id\n      name\n      email\n    }\n  }\n": types.WorkstationDetailsFragmentDoc,
    "\n  query WorkstationPage($id: ID!) @live {\n    workstation(id: $id) {\n      ...WorkstationDetails\n    }\n  }\n": types.WorkstationPageDocument,
    "\n  subscription WorkstationChanges($id: ID!, $since: String) {\n    workstationChanged(ids: [$id], since: $since) {\n      kind\n      changedAt\n      position\n      workstation {\n        ...WorkstationDetails\n      }\n    }\n  }\n": types.WorkstationChangesDocument,
    "\n  mutation UpdateWorkstation($id: ID!, $input: UpdateWorkstationInput!) {\n    updateWorkstation(id: $id, input: $input) {\n      id\n    }\n  }\n": types.UpdateWorkstationDocument,
    "\n  mutation DeleteWorkstation($id: ID!) {\n    deleteWorkstation(id: $id)\n  }\n": types.DeleteWorkstationDocument,
};

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 *
 *
 * @example
 * ```ts
 * const query = graphql(`query GetUser($id: ID!) { user(id: $id) { name } }`);
 * ```
 *
 * The query argument is unknown!
 * Please regenerate the types.
 */
export function graphql(source: string): unknown;

/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FindManagers($filter: ManagerFilter) {\n    managers(first: 100, filter: $filter, orderBy: { field: NAME, direction: ASC }) {\n      totalCount\n      nodes {\n        id\n        name\n        email\n      }\n    }\n  }\n"): (typeof documents)["\n  query FindManagers($filter: ManagerFilter) {\n    managers(first: 100, filter: $filter, orderBy: { field: NAME, direction: ASC }) {\n      totalCount\n      nodes {\n        id\n        name\n        email\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RevokeAgentKey($id: ID!) {\n    revokeAgentKey(workstationId: $id)\n  }\n"): (typeof documents)["\n  mutation RevokeAgentKey($id: ID!) {\n    revokeAgentKey(workstationId: $id)\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UpdateWorkstations($filter: WorkstationFilter!, $input: UpdateWorkstationsInput!, $dryRun: Boolean!) {\n    updateWorkstations(filter: $filter, input: $input, dryRun: $dryRun) {\n      matched\n      changed\n    }\n  }\n"): (typeof documents)["\n  mutation UpdateWorkstations($filter: WorkstationFilter!, $input: UpdateWorkstationsInput!, $dryRun: Boolean!) {\n    updateWorkstations(filter: $filter, input: $input, dryRun: $dryRun) {\n      matched\n      changed\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query AgentEnrollments {\n    agentEnrollments {\n      id\n      label\n      uses\n      maxUses\n      createdAt\n      expiresAt\n      revokedAt\n    }\n  }\n"): (typeof documents)["\n  query AgentEnrollments {\n    agentEnrollments {\n      id\n      label\n      uses\n      maxUses\n      createdAt\n      expiresAt\n      revokedAt\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateAgentEnrollment($input: CreateAgentEnrollmentInput!) {\n    createAgentEnrollment(input: $input) {\n      id\n      label\n      maxUses\n      expiresAt\n      token\n    }\n  }\n"): (typeof documents)["\n  mutation CreateAgentEnrollment($input: CreateAgentEnrollmentInput!) {\n    createAgentEnrollment(input: $input) {\n      id\n      label\n      maxUses\n      expiresAt\n      token\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation RevokeAgentEnrollment($id: ID!) {\n    revokeAgentEnrollment(id: $id)\n  }\n"): (typeof documents)["\n  mutation RevokeAgentEnrollment($id: ID!) {\n    revokeAgentEnrollment(id: $id)\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query AgentMachines($filter: WorkstationFilter!) @live(throttleMs: 1000) {\n    workstations(first: 20, filter: $filter, orderBy: { field: NAME, direction: ASC }) {\n      totalCount\n      nodes {\n        id\n        name\n        hostname\n        status\n        machineId\n        lastSeenAt\n      }\n    }\n  }\n"): (typeof documents)["\n  query AgentMachines($filter: WorkstationFilter!) @live(throttleMs: 1000) {\n    workstations(first: 20, filter: $filter, orderBy: { field: NAME, direction: ASC }) {\n      totalCount\n      nodes {\n        id\n        name\n        hostname\n        status\n        machineId\n        lastSeenAt\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment CacheEntryFigures on CacheEntry {\n    key\n    layer\n    bytes\n    ageSeconds\n    expiresInSeconds\n    dependents\n    hits\n  }\n"): (typeof documents)["\n  fragment CacheEntryFigures on CacheEntry {\n    key\n    layer\n    bytes\n    ageSeconds\n    expiresInSeconds\n    dependents\n    hits\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment CacheRemovalCauses on CacheRemoval {\n    key\n    layer\n    cause\n    at\n    dependency\n    by\n  }\n"): (typeof documents)["\n  fragment CacheRemovalCauses on CacheRemoval {\n    key\n    layer\n    cause\n    at\n    dependency\n    by\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query CachePage(\n    $pattern: String!\n    $layer: String\n    $first: Int!\n    $after: String\n    $orderBy: CacheEntryOrder\n    $causes: [CacheRemovalCause!]\n  ) {\n    cacheStats {\n      hits\n      misses\n      size\n      bytes\n      evictions\n      hitRatePercent\n      layers {\n        name\n        hits\n        misses\n        size\n        evictions\n        hitRatePercent\n      }\n    }\n    cacheEntries(pattern: $pattern, layer: $layer, first: $first, after: $after, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      nodes {\n        ...CacheEntryFigures\n      }\n    }\n    cacheRemovals(pattern: $pattern, causes: $causes, first: 50) {\n      ...CacheRemovalCauses\n    }\n  }\n"): (typeof documents)["\n  query CachePage(\n    $pattern: String!\n    $layer: String\n    $first: Int!\n    $after: String\n    $orderBy: CacheEntryOrder\n    $causes: [CacheRemovalCause!]\n  ) {\n    cacheStats {\n      hits\n      misses\n      size\n      bytes\n      evictions\n      hitRatePercent\n      layers {\n        name\n        hits\n        misses\n        size\n        evictions\n        hitRatePercent\n      }\n    }\n    cacheEntries(pattern: $pattern, layer: $layer, first: $first, after: $after, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      nodes {\n        ...CacheEntryFigures\n      }\n    }\n    cacheRemovals(pattern: $pattern, causes: $causes, first: 50) {\n      ...CacheRemovalCauses\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query CacheEntryDetails($key: String!, $pattern: String!) {\n    cacheEntry(key: $key) {\n      ...CacheEntryFigures\n      version\n      dependencies(first: 101)\n    }\n    cacheRemovals(pattern: $pattern, first: 50) {\n      ...CacheRemovalCauses\n      position\n    }\n  }\n"): (typeof documents)["\n  query CacheEntryDetails($key: String!, $pattern: String!) {\n    cacheEntry(key: $key) {\n      ...CacheEntryFigures\n      version\n      dependencies(first: 101)\n    }\n    cacheRemovals(pattern: $pattern, first: 50) {\n      ...CacheRemovalCauses\n      position\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation InvalidateCache($pattern: String!, $dryRun: Boolean!) {\n    invalidateCache(pattern: $pattern, dryRun: $dryRun) {\n      message\n      pattern\n      entriesRemoved\n      keys\n    }\n  }\n"): (typeof documents)["\n  mutation InvalidateCache($pattern: String!, $dryRun: Boolean!) {\n    invalidateCache(pattern: $pattern, dryRun: $dryRun) {\n      message\n      pattern\n      entriesRemoved\n      keys\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation ClearCache {\n    clearCache {\n      message\n      entriesRemoved\n    }\n  }\n"): (typeof documents)["\n  mutation ClearCache {\n    clearCache {\n      message\n      entriesRemoved\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FleetWindow(\n    $first: Int\n    $after: String\n    $last: Int\n    $before: String\n    $filter: WorkstationFilter\n    $orderBy: WorkstationOrder\n  ) @live(throttleMs: 700) {\n    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        hasPreviousPage\n      }\n      edges {\n        cursor\n        node {\n          id\n          name\n          status\n          hostname\n          ipAddress\n          operatingSystem\n          cpuUsage\n          memoryUsage\n          diskUsage\n          lastSeenAt\n          createdAt\n          updatedAt\n          tags\n          manager {\n            id\n            name\n          }\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query FleetWindow(\n    $first: Int\n    $after: String\n    $last: Int\n    $before: String\n    $filter: WorkstationFilter\n    $orderBy: WorkstationOrder\n  ) @live(throttleMs: 700) {\n    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        hasPreviousPage\n      }\n      edges {\n        cursor\n        node {\n          id\n          name\n          status\n          hostname\n          ipAddress\n          operatingSystem\n          cpuUsage\n          memoryUsage\n          diskUsage\n          lastSeenAt\n          createdAt\n          updatedAt\n          tags\n          manager {\n            id\n            name\n          }\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FleetStep(\n    $first: Int\n    $after: String\n    $last: Int\n    $before: String\n    $filter: WorkstationFilter\n    $orderBy: WorkstationOrder\n  ) {\n    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {\n      pageInfo {\n        startCursor\n        endCursor\n        hasNextPage\n        hasPreviousPage\n      }\n    }\n  }\n"): (typeof documents)["\n  query FleetStep(\n    $first: Int\n    $after: String\n    $last: Int\n    $before: String\n    $filter: WorkstationFilter\n    $orderBy: WorkstationOrder\n  ) {\n    workstations(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) {\n      pageInfo {\n        startCursor\n        endCursor\n        hasNextPage\n        hasPreviousPage\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query FleetSummary($filter: WorkstationFilter) @live(throttleMs: 1000) {\n    fleetSummary(filter: $filter) {\n      total\n      unmanaged\n      byStatus {\n        status\n        count\n      }\n      byOperatingSystem {\n        operatingSystem\n        count\n      }\n      cpuUsage {\n        average\n        maximum\n      }\n      memoryUsage {\n        average\n        maximum\n      }\n      diskUsage {\n        average\n        maximum\n      }\n    }\n  }\n"): (typeof documents)["\n  query FleetSummary($filter: WorkstationFilter) @live(throttleMs: 1000) {\n    fleetSummary(filter: $filter) {\n      total\n      unmanaged\n      byStatus {\n        status\n        count\n      }\n      byOperatingSystem {\n        operatingSystem\n        count\n      }\n      cpuUsage {\n        average\n        maximum\n      }\n      memoryUsage {\n        average\n        maximum\n      }\n      diskUsage {\n        average\n        maximum\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateWorkstation($input: CreateWorkstationInput!) {\n    createWorkstation(input: $input) {\n      id\n      name\n    }\n  }\n"): (typeof documents)["\n  mutation CreateWorkstation($input: CreateWorkstationInput!) {\n    createWorkstation(input: $input) {\n      id\n      name\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteWorkstations($filter: WorkstationFilter!, $dryRun: Boolean!) {\n    deleteWorkstations(filter: $filter, dryRun: $dryRun) {\n      matched\n      changed\n    }\n  }\n"): (typeof documents)["\n  mutation DeleteWorkstations($filter: WorkstationFilter!, $dryRun: Boolean!) {\n    deleteWorkstations(filter: $filter, dryRun: $dryRun) {\n      matched\n      changed\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ManagerName($id: ID!) {\n    manager(id: $id) {\n      id\n      name\n    }\n  }\n"): (typeof documents)["\n  query ManagerName($id: ID!) {\n    manager(id: $id) {\n      id\n      name\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ManagersPage($first: Int!, $after: String, $filter: ManagerFilter, $orderBy: ManagerOrder) @live(throttleMs: 500) {\n    managers(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      nodes {\n        id\n        name\n        email\n        version\n        createdAt\n        workstations(first: 1) {\n          totalCount\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query ManagersPage($first: Int!, $after: String, $filter: ManagerFilter, $orderBy: ManagerOrder) @live(throttleMs: 500) {\n    managers(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {\n      totalCount\n      pageInfo {\n        hasNextPage\n        endCursor\n      }\n      nodes {\n        id\n        name\n        email\n        version\n        createdAt\n        workstations(first: 1) {\n          totalCount\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query ManagerWithWorkstations($id: ID!, $first: Int!, $after: String) @live(throttleMs: 500) {\n    manager(id: $id) {\n      id\n      name\n      email\n      version\n      createdAt\n      updatedAt\n      workstations(first: $first, after: $after) {\n        totalCount\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n        nodes {\n          id\n          name\n          status\n          hostname\n        }\n      }\n    }\n  }\n"): (typeof documents)["\n  query ManagerWithWorkstations($id: ID!, $first: Int!, $after: String) @live(throttleMs: 500) {\n    manager(id: $id) {\n      id\n      name\n      email\n      version\n      createdAt\n      updatedAt\n      workstations(first: $first, after: $after) {\n        totalCount\n        pageInfo {\n          hasNextPage\n          endCursor\n        }\n        nodes {\n          id\n          name\n          status\n          hostname\n        }\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation CreateManager($input: CreateManagerInput!) {\n    createManager(input: $input) {\n      id\n      name\n    }\n  }\n"): (typeof documents)["\n  mutation CreateManager($input: CreateManagerInput!) {\n    createManager(input: $input) {\n      id\n      name\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UpdateManager($id: ID!, $input: UpdateManagerInput!) {\n    updateManager(id: $id, input: $input) {\n      id\n      name\n    }\n  }\n"): (typeof documents)["\n  mutation UpdateManager($id: ID!, $input: UpdateManagerInput!) {\n    updateManager(id: $id, input: $input) {\n      id\n      name\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteManager($id: ID!) {\n    deleteManager(id: $id)\n  }\n"): (typeof documents)["\n  mutation DeleteManager($id: ID!) {\n    deleteManager(id: $id)\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment PerformanceFigures on PerformanceSample {\n    timestamp\n    hits\n    misses\n    evictions\n    requests\n    errors\n    sqlStatements\n    changes\n    requestP50Ms\n    requestP99Ms\n    cacheSize\n    cacheBytes\n    memoryBytes\n    activeConnections\n    activeSubscriptions\n  }\n"): (typeof documents)["\n  fragment PerformanceFigures on PerformanceSample {\n    timestamp\n    hits\n    misses\n    evictions\n    requests\n    errors\n    sqlStatements\n    changes\n    requestP50Ms\n    requestP99Ms\n    cacheSize\n    cacheBytes\n    memoryBytes\n    activeConnections\n    activeSubscriptions\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment CurrentPerformance on PerformanceMetrics {\n    instanceId\n    uptimeSeconds\n    changeFeed {\n      state\n      gaps\n      reason\n    }\n    cache {\n      hits\n      misses\n      evictions\n      size\n      bytes\n      errors\n      hitRatePercent\n      layers {\n        name\n        hits\n        misses\n        evictions\n        size\n        hitRatePercent\n      }\n    }\n    instances {\n      instanceId\n      feedState\n      hits\n      misses\n      audit {\n        audited\n        stale\n        visibilityP50Ms\n        visibilityP99Ms\n      }\n      latest {\n        ...PerformanceFigures\n      }\n    }\n  }\n"): (typeof documents)["\n  fragment CurrentPerformance on PerformanceMetrics {\n    instanceId\n    uptimeSeconds\n    changeFeed {\n      state\n      gaps\n      reason\n    }\n    cache {\n      hits\n      misses\n      evictions\n      size\n      bytes\n      errors\n      hitRatePercent\n      layers {\n        name\n        hits\n        misses\n        evictions\n        size\n        hitRatePercent\n      }\n    }\n    instances {\n      instanceId\n      feedState\n      hits\n      misses\n      audit {\n        audited\n        stale\n        visibilityP50Ms\n        visibilityP99Ms\n      }\n      latest {\n        ...PerformanceFigures\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription PerformanceUpdates {\n    performanceMetricsUpdated(everySeconds: 5) {\n      ...CurrentPerformance\n    }\n  }\n"): (typeof documents)["\n  subscription PerformanceUpdates {\n    performanceMetricsUpdated(everySeconds: 5) {\n      ...CurrentPerformance\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query Performance {\n    performanceMetrics {\n      ...CurrentPerformance\n    }\n  }\n"): (typeof documents)["\n  query Performance {\n    performanceMetrics {\n      ...CurrentPerformance\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query PerformanceHistory($instanceId: ID!) {\n    performanceHistory(minutes: 60, instanceId: $instanceId) {\n      ...PerformanceFigures\n    }\n  }\n"): (typeof documents)["\n  query PerformanceHistory($instanceId: ID!) {\n    performanceHistory(minutes: 60, instanceId: $instanceId) {\n      ...PerformanceFigures\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  fragment WorkstationDetails on Workstation {\n    id\n    name\n    hostname\n    ipAddress\n    operatingSystem\n    status\n    tags\n    machineId\n    version\n    createdAt\n    updatedAt\n    lastSeenAt\n    cpuUsage\n    memoryUsage\n    diskUsage\n    manager {\n      id\n      name\n      email\n    }\n  }\n"): (typeof documents)["\n  fragment WorkstationDetails on Workstation {\n    id\n    name\n    hostname\n    ipAddress\n    operatingSystem\n    status\n    tags\n    machineId\n    version\n    createdAt\n    updatedAt\n    lastSeenAt\n    cpuUsage\n    memoryUsage\n    diskUsage\n    manager {\n      id\n      name\n      email\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  query WorkstationPage($id: ID!) @live {\n    workstation(id: $id) {\n      ...WorkstationDetails\n    }\n  }\n"): (typeof documents)["\n  query WorkstationPage($id: ID!) @live {\n    workstation(id: $id) {\n      ...WorkstationDetails\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  subscription WorkstationChanges($id: ID!, $since: String) {\n    workstationChanged(ids: [$id], since: $since) {\n      kind\n      changedAt\n      position\n      workstation {\n        ...WorkstationDetails\n      }\n    }\n  }\n"): (typeof documents)["\n  subscription WorkstationChanges($id: ID!, $since: String) {\n    workstationChanged(ids: [$id], since: $since) {\n      kind\n      changedAt\n      position\n      workstation {\n        ...WorkstationDetails\n      }\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation UpdateWorkstation($id: ID!, $input: UpdateWorkstationInput!) {\n    updateWorkstation(id: $id, input: $input) {\n      id\n    }\n  }\n"): (typeof documents)["\n  mutation UpdateWorkstation($id: ID!, $input: UpdateWorkstationInput!) {\n    updateWorkstation(id: $id, input: $input) {\n      id\n    }\n  }\n"];
/**
 * The graphql function is used to parse GraphQL queries into a document that can be used by GraphQL clients.
 */
export function graphql(source: "\n  mutation DeleteWorkstation($id: ID!) {\n    deleteWorkstation(id: $id)\n  }\n"): (typeof documents)["\n  mutation DeleteWorkstation($id: ID!) {\n    deleteWorkstation(id: $id)\n  }\n"];

export function graphql(source: string) {
  return (documents as any)[source] ?? {};
}

export type DocumentType<TDocumentNode extends DocumentNode<any, any>> = TDocumentNode extends DocumentNode<  infer TType,  any>  ? TType  : never;