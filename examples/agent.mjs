// An agent of one's own: node agent.mjs http://127.0.0.1:4000/graphql sme_…   (the token is needed the first time only)
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, freemem, hostname, loadavg, networkInterfaces, release, totalmem, type } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';

const [url = 'http://127.0.0.1:4000/graphql', token] = process.argv.slice(2);
const STATE = process.env.AGENT_STATE ?? 'agent.json';
const INTERVAL_MS = 10_000;

async function ask(query, variables, key) {
  const headers = { 'content-type': 'application/json', ...(key && { authorization: `Bearer ${key}` }) };
  const body = JSON.stringify({ query, variables });
  const response = await fetch(url, { method: 'POST', headers, body, signal: AbortSignal.timeout(10_000) });
  const { data, errors } = await response.json();
  if (errors) throw Object.assign(new Error(errors[0].message), { code: errors[0].extensions?.code });
  return data;
}

/** Machines are told apart by their machineId: one that enrolls again gets its workstation back, and a new key. */
async function enroll() {
  const addresses = Object.values(networkInterfaces()).flat();
  const input = {
    machineId: existsSync('/etc/machine-id')
      ? readFileSync('/etc/machine-id', 'utf8').trim() || hostname()
      : hostname(),
    hostname: hostname(),
    ipAddress: addresses.find(({ internal }) => !internal)?.address ?? '127.0.0.1',
    operatingSystem: `${type()} ${release()}`,
  };
  const document = `mutation Enroll($token: String!, $input: EnrollAgentInput!) {
    enrollAgent(token: $token, input: $input) { key workstation { id name } }
  }`;
  const { enrollAgent } = await ask(document, { token, input });
  writeFileSync(STATE, JSON.stringify(enrollAgent), { mode: 0o600 });
  console.log(`Enrolled as ${enrollAgent.workstation.name}.`);
  return enrollAgent;
}

const percent = (part) => Math.min(100, Math.max(0, 100 * part));
const { key, workstation } = existsSync(STATE) ? JSON.parse(readFileSync(STATE, 'utf8')) : await enroll();
const REPORT = 'mutation Report($readings: [TelemetryReading!]!) { reportTelemetry(readings: $readings) { stored } }';

for (;;) {
  const reading = {
    workstationId: workstation.id,
    cpuUsage: percent(loadavg()[0] / cpus().length),
    memoryUsage: percent(1 - freemem() / totalmem()),
  };
  try {
    const { reportTelemetry } = await ask(REPORT, { readings: [reading] }, key);
    console.log(`Reported ${reportTelemetry.stored}.`);
  } catch (error) {
    if (error.code === 'UNAUTHENTICATED' || error.code === 'FORBIDDEN') throw error;
    console.error(`Not reported: ${error.message}`);
  }
  // The jitter spreads the reports of machines that were started together.
  await sleep(INTERVAL_MS * (0.9 + 0.2 * Math.random()));
}
