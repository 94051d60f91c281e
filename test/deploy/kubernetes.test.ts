import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import { parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/config.ts';
import { startTestApp } from '../support/test-app.ts';

/* The manifests, against the settings and the addresses of the server. */

const readDocuments = (path: string): any[] =>
  parseAllDocuments(readFileSync(path, 'utf8')).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS();
  });

const manifest = readDocuments('deploy/kubernetes/stationmaster.yaml');
const of = (kind: string) => manifest.find((document) => document.kind === kind);
const { template, selector } = of('Deployment').spec;
const [container] = template.spec.containers;

/** The environment of the container, with values in the place of the secrets. */
const env: Record<string, string> = Object.fromEntries(container.env.map(({ name, value }: any) => [name, value]));
const secrets = { DATABASE_URL: 'postgres://user:password@postgres/fleet', AUTH_JWT_SECRET: 'x'.repeat(64) };
const config = loadConfig({ NODE_ENV: 'production', ...env, ...secrets });

test('sets only settings that there are, and the server accepts them', () => {
  const example = readFileSync('.env.example', 'utf8').replaceAll(/^#(?=[A-Z_]+=)/gm, '');
  const settings = Object.keys(parseEnv(example));
  for (const name of Object.keys(env)) expect(settings).toContain(name);
  expect(config.port).toBe(container.ports[0].containerPort);
});

test('takes what is secret from a secret', () => {
  for (const name of Object.keys(secrets)) {
    const { value, valueFrom } = container.env.find((each: any) => each.name === name);
    expect([value, valueFrom.secretKeyRef.name]).toEqual([undefined, 'stationmaster']);
  }
});

test('gives a stop more time than the server takes, and the drain several probes', () => {
  const { terminationGracePeriodSeconds } = template.spec;
  // Workers that hang are killed two seconds after the grace period.
  expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(config.shutdownGraceSeconds + 3);
  const { periodSeconds, failureThreshold } = container.readinessProbe;
  expect(periodSeconds * failureThreshold).toBeLessThan(config.shutdownDrainSeconds);
});

test('leaves memory for more than the caches', () => {
  expect(container.resources.limits.memory).toBe('1Gi');
  expect(config.cache.maxBytes + config.responseCache!.maxBytes).toBeLessThan(2 ** 30 / 2);
});

test('runs the server without any right that it does not need', () => {
  expect(template.spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 1000 });
  expect(template.spec.automountServiceAccountToken).toBe(false);
  expect(container.securityContext).toEqual({
    allowPrivilegeEscalation: false,
    readOnlyRootFilesystem: true,
    capabilities: { drop: ['ALL'] },
  });
  expect(readFileSync('Dockerfile', 'utf8')).toMatch(/^USER node$/m);
});

test('selects its own pods everywhere', () => {
  const { labels } = template.metadata;
  expect(selector.matchLabels).toEqual(labels);
  expect(of('Service').spec.selector).toEqual(labels);
  expect(of('Service').spec.ports[0].targetPort).toBe(container.ports[0].name);
  expect(of('PodDisruptionBudget').spec.selector.matchLabels).toEqual(labels);
});

test('scales the deployment that there is', () => {
  const [autoscaler] = readDocuments('deploy/kubernetes/autoscaling.yaml');
  const { apiVersion, kind, metadata } = of('Deployment');
  expect(autoscaler.spec.scaleTargetRef).toEqual({ apiVersion, kind, name: metadata.name });
});

test('probes addresses that the server has, and describes a scrape that it allows', async () => {
  const testApp = await startTestApp();
  const paths = ['startupProbe', 'livenessProbe', 'readinessProbe'].map((probe) => container[probe].httpGet.path);
  for (const path of paths) expect((await fetch(testApp.app.url + path)).status).toBe(200);
  const commented = readFileSync('deploy/kubernetes/stationmaster.yaml', 'utf8').split('\n#---\n')[1]!;
  const monitor = parseAllDocuments(commented.replaceAll(/^#/gm, ''))[0]!.toJS() as any;
  expect(monitor.spec.selector.matchLabels).toEqual(of('Service').metadata.labels);
  const [{ path, port }] = monitor.spec.endpoints;
  expect(port).toBe(of('Service').spec.ports[0].name);
  const headers = { authorization: `Bearer ${await testApp.token('MONITOR')}` };
  expect((await fetch(testApp.app.url + path, { headers })).status).toBe(200);
  await testApp.close();
});
