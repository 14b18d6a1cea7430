/** What deploy/ names is there: images, bundles, settings, secrets, metrics. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { metricsOf } from '../../../actors/runtime/metrics.ts';
import { gatewayMeters } from '../../../gateway/metrics.ts';
import { gatewaySettings } from '../../../gateway/settings.ts';
import { bundlesOf } from '../../../nats/site/bundles.ts';
import { checkedSite } from '../../../nats/site/folder.ts';

const deploy = fileURLToPath(new URL('../../../deploy', import.meta.url));
const textOf = (path: string): string => readFileSync(join(deploy, path), 'utf8');

/** What `shoal site init` makes with the options that the files name at their top. */
function bundlesFor(text: string): ReadonlyMap<string, readonly string[]> {
  const words = (
    /^#\s+shoal site init ([\s\S]*?)\n#\s+(?:SHOAL_USER|kubectl)/m.exec(text)?.[1] ?? ''
  )
    .replaceAll(/\\?\n#/g, ' ')
    .split(/\s+/);
  const after = (name: string): string[] =>
    words.flatMap((each, index) => (each === name ? [words[index + 1] ?? ''] : []));
  const site = checkedSite(
    {
      servers: after('--server').map((host) => ({ host })),
      nodes: after('--nodes').flatMap((each) => each.split(',')),
      ...{ gateways: 1, controls: Number(after('--controls')[0] ?? 2), durability: 'server' },
    },
    'the example',
  );
  const bundles = bundlesOf(site, [], 'secret');
  return new Map(
    bundles.map(({ name, files, identity }) => [
      name,
      [...Object.keys(files), ...(identity ? ['key.nk'] : [])],
    ]),
  );
}

const targets = [...textOf('docker/Dockerfile').matchAll(/^FROM programs AS (\w+)$/gm)].map(
  ([, name]) => name,
);

describe('compose', () => {
  const text = textOf('compose/compose.yaml');
  const compose = parse(text, { merge: true });
  const services: [string, Record<string, never>][] = Object.entries(compose.services);
  const bundles = bundlesFor(text);

  test('names images that the Dockerfile makes', () => {
    const own = services.flatMap(([, { image }]) => /shoal-(\w+):/.exec(String(image))?.[1] ?? []);
    expect(own.length).toBeGreaterThan(3);
    expect(own.filter((each) => !targets.includes(each))).toEqual([]);
  });

  test('mounts what is there, or what shoal site makes', () => {
    const mounts = services
      .flatMap(([, { volumes = [] }]) => volumes as unknown[])
      .map((each) => (typeof each === 'string' ? each : (each as { source: string }).source));
    const envs = services.flatMap(([, { env_file = [] }]) => env_file as string[]);
    const paths = [...mounts.map((each) => each.split(':')[0] ?? ''), ...envs];
    const missing = paths.filter((path) => {
      const [, name = '', file] = /^\.\/site\/for\/([^/]+)\/?(.*)$/.exec(path) ?? [];
      if (name) return !bundles.has(name) || (file && !bundles.get(name)?.includes(file));
      if (path.startsWith('.')) return !existsSync(join(deploy, 'compose', path));
      return !path.startsWith('/') && !(path in compose.volumes);
    });
    expect(missing).toEqual([]);
    expect(
      [...bundles.keys()].filter((name) => !paths.some((each) => each.includes(name))),
    ).toEqual(['operator']);
  });

  test('waits for services that there are', () => {
    const named = services.flatMap(([, { depends_on = [] }]) => depends_on as string[]);
    expect(named.filter((each) => !(each in compose.services))).toEqual([]);
  });
});

describe('kubernetes', () => {
  const folder = join(deploy, 'kubernetes');
  const kustomization = parse(textOf('kubernetes/kustomization.yaml'));
  const bundles = bundlesFor(textOf('kubernetes/kustomization.yaml'));
  // biome-ignore lint/suspicious/noExplicitAny: manifests are looked into freely
  const objects: any[] = (kustomization.resources as string[]).flatMap((file) =>
    parseAllDocuments(textOf(`kubernetes/${file}`)).map((each) => each.toJS()),
  );
  const pods = objects.filter((each) => each.spec?.template);

  test('every file is a part of it', () => {
    expect([...kustomization.resources, 'kustomization.yaml'].sort()).toEqual(
      readdirSync(folder).sort(),
    );
  });

  test('secrets are made of bundles, and there is one for each that is used', () => {
    const made = new Map<string, string[]>();
    for (const { name, files = [], envs = [] } of kustomization.secretGenerator) {
      for (const each of [...files, ...envs] as string[]) {
        const [, bundle = '', file = ''] = /site\/for\/([^/]+)\/(.+)$/.exec(each) ?? [];
        expect([each, bundles.get(bundle)?.includes(file)]).toEqual([each, true]);
      }
      made.set(name, files);
    }
    const used = pods.flatMap(({ spec: { template } }) => [
      ...template.spec.volumes.flatMap((each: { secret?: { secretName: string } }) =>
        each.secret ? [each.secret.secretName] : [],
      ),
      ...template.spec.containers.flatMap(({ envFrom = [] }) =>
        (envFrom as { secretRef: { name: string } }[]).map((each) => each.secretRef.name),
      ),
    ]);
    expect([...new Set(used)].sort()).toEqual([...made.keys()].sort());
  });

  test('what is selected is there, and ports and volumes have their names', () => {
    for (const { spec } of pods) {
      expect(spec.template.metadata.labels).toMatchObject(spec.selector.matchLabels);
      const volumes = [...spec.template.spec.volumes, ...(spec.volumeClaimTemplates ?? [])].map(
        (each) => each.name ?? each.metadata.name,
      );
      for (const container of spec.template.spec.containers) {
        for (const { name } of container.volumeMounts) expect(volumes).toContain(name);
        expect(container.securityContext).toMatchObject({
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
        });
      }
    }
    const labels = pods.map((each) => each.spec.template.metadata.labels.app);
    for (const { kind, spec } of objects) {
      if (kind === 'Service') expect(labels).toContain(spec.selector.app);
      if (kind === 'PodDisruptionBudget') expect(labels).toContain(spec.selector.matchLabels.app);
    }
  });
});

describe('what a gateway listens on', () => {
  const { port: api, ingressPort } = gatewaySettings({});
  const [bundle] = bundlesOf(
    checkedSite(
      {
        ...{ servers: [{ host: 'a' }], nodes: [], gateways: 1, controls: 1 },
        durability: 'process',
      },
      'a site',
    ),
    [],
    'secret',
  ).filter(({ name }) => name === 'gateway');
  const text = bundle?.files['shoal.env'] ?? '';
  const grpc = Number(/^SHOAL_GRPC_PORT=(\d+)$/m.exec(text)?.[1]);

  test('its image says', () => {
    const [, exposed = ''] = /^EXPOSE (848.*)$/m.exec(textOf('docker/Dockerfile')) ?? [];
    expect(exposed.split(' ').map(Number)).toEqual([api, ingressPort, grpc]);
  });

  test('compose and Kubernetes open', () => {
    const { gateway } = parse(textOf('compose/compose.yaml'), { merge: true }).services;
    expect(gateway.ports).toEqual([api, grpc].map((port) => `127.0.0.1:${port}:${port}`));
    const objects = parseAllDocuments(textOf('kubernetes/gateway.yaml')).map((each) => each.toJS());
    const { containers } = objects.find(({ kind }) => kind === 'Deployment').spec.template.spec;
    const inside: { name: string; containerPort: number }[] = containers[0].ports;
    expect(inside.map((each) => each.containerPort).sort()).toEqual([api, ingressPort, grpc]);
    const served = objects
      .filter(({ kind }) => kind === 'Service')
      .flatMap(({ spec }) => spec.ports as { targetPort: string }[])
      .map((each) => each.targetPort);
    expect(served.sort()).toEqual(inside.map(({ name }) => name).sort());
  });
});

describe('what watches it', () => {
  const none = (): ReadonlyMap<string, number> => new Map();
  const zero = (): number => 0;
  const { registry } = gatewayMeters({
    ...{ sseClients: zero, webSockets: zero, calls: zero, revision: zero },
    ...{ grpcStreams: zero, sessions: zero },
    ...{ nodes: none, instances: none, letters: none, store: none },
  });
  const known = new Set(
    [registry, metricsOf([])].flatMap((each) => each.getMetricsAsArray().map(({ name }) => name)),
  );
  const namesIn = (text: string): readonly string[] =>
    [...text.matchAll(/\b((?:shoal|process|nodejs)_[a-z_]+)/g)].map(([, name = '']) =>
      name.replace(/_bucket$/, ''),
    );

  test.each([
    'prometheus/alerts.yml',
    'compose/grafana/dashboards/fabric.json',
    'compose/grafana/dashboards/services.json',
  ])('%s asks for metrics that programs tell', (file) => {
    const names = namesIn(textOf(file));
    expect(names.length).toBeGreaterThan(5);
    expect(names.filter((name) => !known.has(name))).toEqual([]);
  });

  test('every alert says what to do, and speaks of guides that are there', () => {
    const { groups } = parse(textOf('prometheus/alerts.yml'));
    const root = dirname(deploy);
    for (const { alert, annotations, labels } of groups[0].rules) {
      expect([alert, labels.severity]).toEqual([alert, expect.stringMatching(/^(page|ticket)$/)]);
      expect(annotations.description.length).toBeGreaterThan(40);
      for (const [guide = ''] of annotations.description.matchAll(/docs\/[\w/-]+\.md/g)) {
        expect([guide, existsSync(join(root, guide))]).toEqual([guide, true]);
      }
    }
  });
});
