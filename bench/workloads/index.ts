import type { Workload } from '../bench.ts';
import { coldList, coldNested, coldRecord } from './cold.ts';
import { compression } from './compression.ts';
import { exports } from './export.ts';
import { fanOutMany, fanOutOne, fanOutSeveral } from './fan-out.ts';
import { fleetSize } from './fleet-size.ts';
import { distinctShapes, hotList, hotMixed, hotRecords } from './hot.ts';
import { memory } from './memory.ts';
import { mutations } from './mutations.ts';
import { stampede } from './stampede.ts';
import { starting } from './starting.ts';
import { summary } from './summary.ts';
import { telemetry } from './telemetry.ts';
import { workers } from './workers.ts';

export const WORKLOADS: readonly Workload[] = [
  hotList,
  hotRecords,
  distinctShapes,
  hotMixed,
  coldList,
  coldNested,
  coldRecord,
  stampede,
  fleetSize,
  telemetry,
  summary,
  mutations,
  fanOutOne,
  fanOutSeveral,
  fanOutMany,
  compression,
  exports,
  memory,
  starting,
  workers,
];
