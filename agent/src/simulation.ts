import type { Machine, Reading } from './server.ts';

/** One made-up machine. */
export interface SimulatedMachine extends Machine {
  /** `null` while it is silent. */
  measure(): Reading | null;
}

const SYSTEMS = ['Debian GNU/Linux 13', 'Ubuntu 24.04 LTS', 'Windows 11 24H2', 'macOS 15.7'];
/** Of 1,000 reports of a machine, after how many it falls silent, and for how many it stays so. */
const SILENCES = { perMille: 4, shortest: 10, longest: 40 };

/** @param random uniform in [0, 1) */
export function simulateMachine(index: number, random: () => number): SimulatedMachine {
  const number = String(index + 1).padStart(5, '0');
  const name = `SIM-${number}`;
  let silentFor = 0;
  let cpuUsage = 60 * random();
  let memoryUsage = 20 + 60 * random();
  let diskUsage = 10 + 80 * random();
  /** A step of a random walk that stays between 0 and 100. */
  const walk = (value: number, step: number) => Math.min(100, Math.max(0, value + step * (2 * random() - 1)));
  return {
    machineId: `simulated-${number}`,
    name,
    hostname: `${name.toLowerCase()}.fleet.example`,
    ipAddress: `10.250.${(index >> 8) & 255}.${index & 255}`,
    operatingSystem: SYSTEMS[index % SYSTEMS.length]!,
    measure() {
      if (silentFor > 0) {
        silentFor--;
        return null;
      }
      const { perMille, shortest, longest } = SILENCES;
      if (random() * 1000 < perMille) silentFor = Math.round(shortest + random() * (longest - shortest));
      cpuUsage = walk(cpuUsage, 12);
      memoryUsage = walk(memoryUsage, 3);
      diskUsage = walk(diskUsage, 0.2);
      return { cpuUsage: rounded(cpuUsage), memoryUsage: rounded(memoryUsage), diskUsage: rounded(diskUsage) };
    },
  };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
