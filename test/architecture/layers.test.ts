/** Who may import whom: the map of the project as a rule. */
import { describe, expect, test } from 'vitest';
import { type Import, type Source, sourceOf, sources } from '../support/sources.ts';

interface Layer {
  readonly name: string;
  readonly files: RegExp;
  /** Files of the project it may import. */
  readonly imports: (path: string) => readonly RegExp[];
  /** Packages it may import; default: any. `node:` counts as one. */
  readonly packages?: RegExp;
}

const subjects = /^subjects\//;
const runtime = /^actors\/runtime\//;
/** What an actor is made of: the runtime without its adapters to a bus. */
const kernel = /^actors\/runtime\/[^/]+\.ts$/;
const none = /^$/;

/** In this order; the first one that a file fits is its layer. */
const layers: readonly Layer[] = [
  {
    name: 'subjects',
    files: subjects,
    imports: () => [subjects],
    packages: /^(zod|msgpackr)$/,
  },
  { name: 'runtime', files: runtime, imports: () => [subjects, runtime] },
  {
    name: 'control plane',
    files: /^actors\/(main|replay)\.ts$/,
    imports: () => [subjects, /^actors\//],
  },
  {
    name: 'actor',
    files: /^actors\//,
    imports: (path) => [subjects, kernel, new RegExp(`^actors/${path.split('/')[1]}/`)],
    packages: none,
  },
  {
    name: 'archive',
    files: /^archive\//,
    imports: () => [subjects, /^archive\//],
    packages: /^(node:|tar-stream$)/,
  },
  {
    name: 'agent',
    files: /^edge-agent\//,
    imports: () => [subjects, runtime, /^archive\//, /^edge-agent\//],
  },
  {
    name: 'manifests',
    files: /^manifests\//,
    imports: () => [subjects, /^manifests\//],
    packages: /^(zod|yaml)$/,
  },
  {
    name: 'gateway',
    files: /^gateway\//,
    imports: () => [subjects, runtime, /^manifests\//, /^gateway\//],
  },
  {
    name: 'cli',
    files: /^cli\//,
    imports: () => [subjects, runtime, /^archive\//, /^manifests\//, /^nats\/site\//, /^cli\//],
  },
  { name: 'bus', files: /^nats\//, imports: () => [subjects, runtime, /^nats\//] },
  { name: 'launcher', files: /^local\//, imports: () => [/^(?!test\/|docs\/)/] },
  { name: 'documents', files: /^docs\/generate\//, imports: () => [/^(?!test\/|local\/)/] },
  { name: 'tests', files: /^test\//, imports: () => [/^/] },
  {
    name: 'tools',
    files: /^[^/]+\.config\.ts$/,
    imports: () => [/^(?!test\/)/, /^test\/support\/(longest-files|failed-tests)\.ts$/],
  },
];

const layerOf = (path: string): Layer | undefined => layers.find((layer) => layer.files.test(path));

/** Imports a layer does not allow, each as a sentence. */
function forbidden(source: Source): readonly string[] {
  const layer = layerOf(source.path);
  if (!layer) return [`${source.path} lies in no layer; say in layers.test.ts what it may import`];
  return source.imports
    .filter((each) => !isAllowed(layer, source.path, each))
    .map((each) => {
      return `${source.path} (${layer.name}) imports ${each.from}`;
    });
}

function isAllowed(layer: Layer, path: string, { from }: Import): boolean {
  if (isOwn(from)) return layer.imports(path).some((allowed) => allowed.test(from));
  return layer.packages?.test(packageOf(from)) ?? true;
}

function isOwn(from: string): boolean {
  return from.endsWith('.ts') || from.endsWith('.mjs');
}

/** `zod` of `zod/v4/core`, `@nats-io/nkeys` of itself, `node:` of `node:fs/promises`. */
function packageOf(from: string): string {
  if (from.startsWith('node:')) return 'node:';
  return from
    .split('/')
    .slice(0, from.startsWith('@') ? 2 : 1)
    .join('/');
}

/** Packages with one home each. */
const homes: readonly { readonly packages: RegExp; readonly home: RegExp; readonly why: string }[] =
  [
    {
      packages: /^(nats$|@nats-io\/(?!nkeys$))/,
      home: /^(actors\/runtime\/nats|test)\//,
      why: 'only actors/runtime/nats talks to NATS',
    },
    {
      packages: /^@nats-io\/nkeys$/,
      home: /^(actors\/runtime\/nats\/|nats\/keys\.ts$|test\/)/,
      why: 'only nats/keys.ts makes keys',
    },
    {
      packages: /^(dockerode|@kubernetes\/client-node|wasmtime|@wasmer\/.*|node-libvirt|ssh2)$/,
      home: /^(edge-agent\/drivers|test)\//,
      why: 'only edge-agent/drivers talks to engines',
    },
    {
      packages: /^tar-stream$/,
      home: /^(archive|test)\//,
      why: 'only archive reads and writes archives',
    },
    {
      packages: /^(fastify$|@fastify\/)/,
      home: /^(gateway|test)\//,
      why: 'only the gateway serves HTTP with Fastify',
    },
    {
      packages: /^(@grpc\/|grpc-health-check$|protobufjs$)/,
      home: /^(gateway\/grpc\/|test\/)/,
      why: 'only gateway/grpc speaks gRPC',
    },
    {
      packages: /^@opentelemetry\/(?!api$)/,
      home: /^(actors\/runtime\/telemetry\.ts$|test\/)/,
      why: 'only telemetry.ts loads the SDK, and only where there is a collector',
    },
    { packages: /^commander$/, home: /^cli\//, why: 'only the command line reads arguments so' },
    {
      packages: /^systeminformation$/,
      home: /^edge-agent\/machine\.ts$/,
      why: 'only machine.ts asks it, where there is no kernel to read: it waits for commands',
    },
    { packages: /^yaml$/, home: /^(manifests|cli|gateway|test)\//, why: 'YAML stays at the edge' },
    {
      packages: /^(vitest|fast-check|ajv|@asyncapi\/specs)$/,
      home: /^(test\/|[^/]+\.config\.ts$)/,
      why: 'tests only',
    },
  ];

function homeless(source: Source): readonly string[] {
  return source.imports.flatMap(({ from }) =>
    homes
      .filter((rule) => !isOwn(from) && rule.packages.test(packageOf(from)))
      .filter((rule) => !rule.home.test(source.path))
      .map((rule) => `${source.path} imports ${from}: ${rule.why}`),
  );
}

const imports = (path: string, from: string): Source =>
  sourceOf(path, `import { x } from '${from}';`);

describe('layers', () => {
  test('no file imports what its layer may not', async () => {
    const all = await sources();
    expect(all.flatMap(forbidden)).toEqual([]);
    expect(all.length).toBeGreaterThan(150);
  });

  test('every layer has files, so that no rule is about nothing', async () => {
    const all = await sources();
    const count = (layer: Layer): number =>
      all.filter((source) => layerOf(source.path) === layer).length;
    for (const layer of layers) expect(count(layer), layer.name).toBeGreaterThan(0);
    const actors = all.filter((source) => layerOf(source.path)?.name === 'actor');
    expect(actors.length).toBeGreaterThan(25);
  });

  test.each([
    ['subjects/a.ts', 'node:fs'],
    ['subjects/a.ts', 'nats'],
    ['subjects/a.ts', '../actors/runtime/log.ts'],
    ['actors/runtime/a.ts', '../scheduler/place.ts'],
    ['actors/runtime/a.ts', '../../edge-agent/say.ts'],
    ['actors/runtime/a.ts', '../../nats/config.ts'],
    ['actors/pool/take.ts', '../scheduler/place.ts'],
    ['actors/pool/take.ts', '../runtime/nats/store.ts'],
    ['actors/pool/take.ts', '../runtime/memory/clock.ts'],
    ['actors/pool/take.ts', 'zod'],
    ['actors/pool/take.ts', 'node:crypto'],
    ['edge-agent/say.ts', '../actors/scheduler/place.ts'],
    ['edge-agent/say.ts', '../gateway/main.ts'],
    ['gateway/main.ts', '../actors/workload/apply.ts'],
    ['gateway/main.ts', '../edge-agent/say.ts'],
    ['cli/main.ts', '../gateway/main.ts'],
    ['manifests/parse.ts', '../actors/runtime/log.ts'],
    ['nats/start.ts', '../local/up.ts'],
    ['local/up.ts', '../test/support/nats.ts'],
    ['somewhere/new.ts', 'zod'],
  ])('%s may not import %s', (path, from) => {
    expect(forbidden(imports(path, from))).toHaveLength(1);
  });

  test.each([
    ['subjects/a.ts', 'zod'],
    ['actors/pool/take.ts', '../runtime/effect.ts'],
    ['actors/pool/take.ts', './state.ts'],
    ['actors/main.ts', './pool/actor.ts'],
    ['gateway/main.ts', '../actors/runtime/nats/process.ts'],
  ])('%s may import %s', (path, from) => {
    expect(forbidden(imports(path, from))).toEqual([]);
  });
});

describe('packages', () => {
  test('each has its home', async () => {
    const all = await sources();
    expect(all.flatMap(homeless)).toEqual([]);
    const packages = all.flatMap((each) => each.imports).filter(({ from }) => !isOwn(from));
    expect(packages.length).toBeGreaterThan(200);
  });

  test.each([
    ['gateway/main.ts', 'nats'],
    ['actors/runtime/host.ts', '@nats-io/jetstream'],
    ['nats/config.ts', '@nats-io/nkeys'],
    ['actors/runtime/host.ts', 'dockerode'],
    ['edge-agent/say.ts', '@kubernetes/client-node'],
    ['edge-agent/main.ts', 'fastify'],
    ['gateway/main.ts', 'systeminformation'],
    ['gateway/http/server.ts', '@grpc/grpc-js'],
    ['actors/runtime/host.ts', '@opentelemetry/sdk-trace-node'],
    ['edge-agent/probes/grpc.ts', '@grpc/grpc-js'],
    ['subjects/codec.ts', 'yaml'],
    ['gateway/main.ts', 'vitest'],
  ])('%s may not import %s', (path, from) => {
    expect(homeless(imports(path, from))).toHaveLength(1);
  });
});
