import { readFile } from 'node:fs/promises';

/** In which Linux counts the time of processes. */
const TICK_MS = 10;

export interface ProcessUsage {
  readonly cpuMs: number;
  readonly residentMegabytes: number;
  readonly peakMegabytes: number;
}

/** What another process has used since its start, as Linux tells it. */
export async function usageOf(pid: number): Promise<ProcessUsage> {
  const [stat, status] = await Promise.all(['stat', 'status'].map((file) => readFile(`/proc/${pid}/${file}`, 'utf8')));
  // The second field is the program's name in parentheses; user and system time are the 14th and the 15th.
  const ticks = stat!.slice(stat!.lastIndexOf(')')).split(' ').slice(12, 14);
  const megabytes = (field: string) => Number(new RegExp(`^${field}:\\s*(\\d+) kB$`, 'm').exec(status!)![1]) / 1024;
  return {
    cpuMs: TICK_MS * ticks.reduce((sum, count) => sum + Number(count), 0),
    residentMegabytes: megabytes('VmRSS'),
    peakMegabytes: megabytes('VmHWM'),
  };
}
