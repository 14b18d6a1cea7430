/**
 * What is deployed, read by the programs it is for: kustomize builds the manifests, systemd reads the
 * units. Both on this machine only: no cluster is asked, nothing is started.
 *
 * They are not fetched: Debian 12's kubectl is 1.20, whose kustomize is years behind, and a
 * systemd is its machine's own. Where one is missing its test is left out.
 */
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { checkedSite, writeSite } from '../../nats/site/folder.ts';

const call = promisify(execFile);

async function runs(program: string, ...words: string[]): Promise<boolean> {
  const isThere = await call(program, words).then(
    () => true,
    () => false,
  );
  if (!isThere) process.stderr.write(`skipped: what ${program} reads (there is none here)\n`);
  return isThere;
}
const hasKubectl = await runs('kubectl', 'kustomize', '--help');
const hasSystemd = await runs('systemd-analyze', '--version');

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-deploy-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

interface Built {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly data?: Readonly<Record<string, string>>;
}

test.skipIf(!hasKubectl)('kustomize builds the manifests with the secrets of a site', async () => {
  await cp('deploy/kubernetes', folder, { recursive: true });
  const servers = [0, 1, 2].map((index) => ({ host: `nats-${index}.nats.shoal.svc` }));
  const counts = { controls: 1, gateways: 1, nodes: ['n1'] };
  const site = checkedSite({ servers, ...counts, durability: 'server' }, 'the example');
  await writeSite(join(folder, 'site'), site);
  const { stdout, stderr } = await call('kubectl', ['kustomize', folder]);
  expect(stderr).toBe('');
  const built = parseAllDocuments(stdout).map((each) => each.toJS() as Built);
  const named = (kind: string): string[] =>
    built.filter((each) => each.kind === kind).map(({ metadata }) => metadata.name);
  expect(named('Deployment').sort()).toEqual(['control', 'gateway']);
  expect(named('StatefulSet')).toEqual(['nats']);
  expect(named('Service').sort()).toEqual(['api', 'ingress', 'nats']);
  const outside = built.filter(({ kind, metadata }) => {
    return kind !== 'Namespace' && metadata.namespace !== 'shoal';
  });
  expect(outside).toEqual([]);

  // Pods ask for secrets by the names that kustomize gave them, and gRPC is among the settings.
  const secrets = built.filter(({ kind }) => kind === 'Secret');
  expect(secrets.map(({ metadata }) => metadata.name.replace(/-[^-]+$/, '')).sort()).toEqual([
    ...['shoal-control', 'shoal-control-key', 'shoal-gateway', 'shoal-gateway-key', 'shoal-nats'],
  ]);
  const asked = [...stdout.matchAll(/secretName: (\S+)/g)].map(([, name]) => name);
  const byReference = [...stdout.matchAll(/secretRef:\n\s+name: (\S+)/g)].map(([, name]) => name);
  expect([...asked, ...byReference].sort()).toEqual(
    secrets.map(({ metadata }) => metadata.name).sort(),
  );
  const gateway = secrets.find(({ data }) => data?.['SHOAL_GRPC_PORT'] !== undefined);
  expect(Buffer.from(gateway?.data?.['SHOAL_GRPC_PORT'] ?? '', 'base64').toString()).toBe('8482');
});

test.skipIf(!hasSystemd)('systemd finds nothing to say about the units', async () => {
  const units = (await readdir('deploy/systemd')).filter((name) => name.endsWith('.service'));
  expect(units.length).toBe(4);
  for (const name of units) {
    // As they are installed; what they start is only looked for.
    const text = (await readFile(join('deploy/systemd', name), 'utf8'))
      .replaceAll('@NODE@', process.execPath)
      .replaceAll('@NATS_SERVER@', process.execPath)
      .replaceAll('@LIB@', '/usr/lib/shoal');
    expect(text).not.toMatch(/@[A-Z_]+@/);
    await writeFile(join(folder, name), text);
  }
  // The manual is not installed here.
  const words = ['verify', '--man=no', ...units.map((name) => join(folder, name))];
  const { stdout, stderr } = await call('systemd-analyze', words);
  expect(stdout + stderr).toBe('');
});
