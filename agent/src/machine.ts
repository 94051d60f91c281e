import { createHash } from 'node:crypto';
import { hostname, networkInterfaces } from 'node:os';
import information from 'systeminformation';
import type { Machine, Reading } from './server.ts';

/** What this machine is. */
export async function describeMachine(): Promise<Machine> {
  const [{ distro, release }, { os: osId, macs }] = await Promise.all([information.osInfo(), information.uuid()]);
  return {
    machineId: hashOf(osId || macs.slice().sort().join() || hostname()),
    hostname: hostnameOf(hostname()),
    ipAddress: findAddress(),
    operatingSystem: `${distro} ${release}`.trim().slice(0, 200) || process.platform,
  };
}

/** What this machine does now. */
export async function measureMachine(): Promise<Reading> {
  const [load, memory, disks] = await Promise.all([information.currentLoad(), information.mem(), information.fsSize()]);
  const root = disks.find(({ mount }) => mount === '/') ?? disks[0];
  return {
    cpuUsage: percent(load.currentLoad),
    memoryUsage: percent((100 * (memory.total - memory.available)) / memory.total),
    ...(root && { diskUsage: percent(root.use) }),
  };
}

/** machine-id(5) asks programs not to show the id itself to others. */
function hashOf(id: string): string {
  return createHash('sha256').update(`stationmaster-agent ${id}`).digest('hex').slice(0, 32);
}

/** A host name after RFC 1123; machines may be called otherwise. */
function hostnameOf(name: string): string {
  const labels = name.split('.').map((label) =>
    label
      .replace(/[^a-z0-9-]/gi, '-')
      .slice(0, 63)
      .replace(/^-+|-+$/g, ''),
  );
  return labels.filter(Boolean).join('.').slice(0, 253) || 'localhost';
}

function findAddress(): string {
  const addresses = Object.values(networkInterfaces())
    .flatMap((all) => all ?? [])
    .filter(({ internal, address }) => !internal && !/^fe80:/i.test(address));
  const found = addresses.find(({ family }) => family === 'IPv4') ?? addresses[0];
  return found?.address ?? '127.0.0.1';
}

function percent(value: number): number {
  return Math.round(Math.min(100, Math.max(0, value || 0)) * 10) / 10;
}
