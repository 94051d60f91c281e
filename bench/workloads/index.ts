import type { Workload } from '../bench.ts';
import { coldList, coldNested, coldRecord } from './cold.ts';
import { fleetSize } from './fleet-size.ts';
import { distinctShapes, hotList, hotMixed, hotRecords } from './hot.ts';
import { memory } from './memory.ts';
import { stampede } from './stampede.ts';
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
  memory,
  workers,
];
