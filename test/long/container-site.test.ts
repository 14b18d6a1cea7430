/**
 * What deploy/compose says, started on a Docker engine of this test's own: three servers, two control
 * planes, a gateway, an agent, Caddy and Prometheus. A service of containers is called through all of it; a server
 * and a control plane are killed, and it goes on; and when it is taken down, nothing of it is left.
 *
 * Images come from a registry otherwise; here they are made of this machine's Node, nats-server, Caddy and
 * Prometheus. Grafana is left out: nobody here has its programs.
 */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { findDocker } from '../../local/docker.ts';
import { obtainProgram } from '../../local/program.ts';
import { caddy, prometheus } from '../../local/programs.ts';
import { obtainServer } from '../../nats/obtain.ts';
import { ComposedSite } from '../support/compose.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';
import { buildImages, importPrograms } from '../support/images.ts';
import { eventually } from '../support/ports.ts';

const call = promisify(execFile);
const NOBODY = '10001:10001';
const HOST = 'web.localhost';

let folder: string;
let engine: DockerEngine;
let site: ComposedSite;
let before: readonly string[];

const urlOf = (inside: string): string => `http://127.0.0.1:${site.ports.get(inside)}`;
const shoal = async (...words: string[]): Promise<string> => {
  const args = ['dist/cli/main.js', '--gateway', urlOf('gateway:8480'), ...words];
  return (await call(process.execPath, args)).stdout;
};
/** Asks until it is not refused, as a caller would while a leader is elected. */
const told = async (...words: string[]): Promise<string> => {
  let out = '';
  const isTold = async () => {
    try {
      out = await shoal(...words);
      return true;
    } catch {
      return false;
    }
  };
  await eventually(isTold, 60_000, words.join(' '));
  return out;
};

/** What a caller from outside gets, by TLS. */
const get = () =>
  new Promise<string>((resolve, reject) => {
    const port = site.ports.get('caddy:443') ?? 0;
    // Its own authority signs for localhost.
    const of = { host: '127.0.0.1', port, servername: HOST, rejectUnauthorized: false };
    const one = request({ ...of, headers: { host: HOST }, agent: false }, async (response) => {
      let text = '';
      for await (const piece of response) text += piece;
      resolve(`${response.statusCode} ${text}`);
    });
    one.once('error', reject);
    one.end();
  });
const answers = () => get().catch(String);
// biome-ignore lint/suspicious/noExplicitAny: answers of Prometheus are looked into freely
const asked = async (path: string): Promise<any> =>
  (await fetch(`${urlOf('prometheus:9090')}${path}`)).json();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-site-'));
  engine = await DockerEngine.start();
  const { client } = engine;
  before = await engine.remains();
  await buildImages(client, folder, ['control', 'gateway', 'agent']);
  const busybox = (await findDocker())?.busybox ?? '';
  const nats = (await obtainServer()).path;
  // The health check of the file asks by wget.
  const run = (...words: string[]) => [`CMD ${JSON.stringify(words)}`];
  await importPrograms(client, 'site-nats:1', { 'nats-server': nats, wget: busybox }, [
    'ENTRYPOINT ["nats-server"]',
  ]);
  await importPrograms(client, 'site-caddy:1', { caddy: (await obtainProgram(caddy)).path }, [
    'ENV XDG_DATA_HOME=/data',
    ...run('caddy', 'run', '--config', '/etc/caddy/Caddyfile', '--adapter', 'caddyfile'),
  ]);
  const { path } = await obtainProgram(prometheus);
  await importPrograms(
    client,
    'site-prometheus:1',
    { prometheus: path },
    run(
      'prometheus',
      '--config.file=/etc/prometheus/prometheus.yml',
      '--storage.tsdb.path=/prometheus',
    ),
  );

  const words = [1, 2, 3].flatMap((each) => ['--server', `nats-${each}`]);
  await call(process.execPath, [
    ...['dist/cli/main.js', 'site', 'init', join(folder, 'site'), ...words, '--nodes', 'n1'],
  ]);
  await call('chown', ['-R', NOBODY, join(folder, 'site/for')]);
  // As the file system of a machine is, where systemd has mounted it.
  const state = join(folder, 'var');
  await mkdir(state);
  await call('mount', ['--bind', state, state]);
  await call('mount', ['--make-shared', state]);

  site = new ComposedSite(client, {
    file: resolve('deploy/compose/compose.yaml'),
    variables: {
      ...{ SHOAL_USER: NOBODY, NATS_IMAGE: 'site-nats:1', CADDY_IMAGE: 'site-caddy:1' },
      PROMETHEUS_IMAGE: 'site-prometheus:1',
      SHOAL_ADDRESS: await bridge(),
    },
    without: ['grafana'],
    instead: {
      './site': join(folder, 'site'),
      '/var/lib/shoal': state,
      '/var/run/docker.sock': engine.socket,
      '/var/lib/docker': join(dirname(engine.socket), 'data'),
    },
    net: `10.${180 + Math.floor(Math.random() * 20)}.${Math.floor(Math.random() * 254) + 1}`,
  });
  await site.up((service, ports) => {
    if (service !== 'agent') return {};
    const servers = [1, 2, 3].map((each) => `nats://127.0.0.1:${ports.get(`nats-${each}:4222`)}`);
    return { SHOAL_NATS: servers.join(','), SHOAL_STATE: state, SHOAL_ROOT: state };
  });
});
afterAll(async () => {
  await engine?.[Symbol.asyncDispose]();
  if (folder) await call('umount', [join(folder, 'var')]).catch(() => undefined);
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** Address of the engine's own bridge: where the gateway, in its container, reaches what the machine publishes. */
async function bridge(): Promise<string> {
  const { Options: options } = await engine.client.getNetwork('bridge').inspect();
  const name = options?.['com.docker.network.bridge.name'] ?? '';
  const [first] = networkInterfaces()[name] ?? [];
  if (!first) throw new Error(`the engine's bridge ${name} has no address`);
  return first.address;
}

test('every program of it is up, and the servers are healthy', async () => {
  await eventually(async () => /n1\s+ready/.test(await shoal('get', 'nodes').catch(() => '')));
  for (const [name, container] of site.containers) {
    const { State: state, RestartCount: restarts } = await container.inspect();
    // Who comes before the servers have a leader may end, and is started again.
    expect([name, state.Running, restarts < 10]).toEqual([name, true, true]);
  }
  for (const name of ['nats-1', 'nats-2', 'nats-3']) {
    const health = async () => (await site.containers.get(name)?.inspect())?.State.Health?.Status;
    await eventually(async () => (await health()) === 'healthy', 60_000, `${name} to be healthy`);
  }
});

test('a service of containers is called through Caddy, by its name and TLS', async () => {
  const command = ['sh', '-c', 'exec busybox httpd -f -p 80 -h /www'];
  const manifest = {
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
    spec: {
      ...{
        count: 2,
        driver: 'docker',
        image: IMAGE,
        command,
        ports: [{ name: 'http', container: 80 }],
      },
      files: [{ path: '/www/index.html', text: 'from a container' }],
      ...{ ingress: { host: HOST }, resources: { memory: '16Mi' }, grace: '200ms' },
    },
  };
  await writeFile(join(folder, 'web.json'), JSON.stringify(manifest));
  await told('apply', '-f', join(folder, 'web.json'), '--wait');
  await eventually(async () => (await answers()) === '200 from a container', 60_000, 'an answer');
});

test('Prometheus hears every program that it is told of, and knows the alerts', async () => {
  const targets = async () =>
    (await asked('/api/v1/targets')).data.activeTargets.map(
      (each: { labels: { instance: string }; health: string }) =>
        `${each.labels.instance} ${each.health}`,
    );
  const all = ['control-2:9464 up', 'control:9464 up', 'gateway:8480 up'];
  const isHeard = async () => (await targets()).sort().join() === all.join();
  await eventually(isHeard, 60_000, 'every target');
  const { groups } = (await asked('/api/v1/rules')).data;
  expect(groups[0].rules.length).toBeGreaterThan(10);
});

test('a server and a control plane are killed: it answers, and does what it is told', async () => {
  for (const name of ['nats-1', 'control']) await site.containers.get(name)?.kill();
  const heard = new Set<string>();
  const asking = (async () => {
    for (let index = 0; index < 100; index++) heard.add(await answers());
  })();
  await told('scale', 'web', '3');
  const isThree = async () =>
    ((await told('get', 'instances')).match(/ ready /g) ?? []).length === 3;
  await eventually(isThree, 60_000, 'a third instance');
  await asking;
  expect([...heard]).toEqual(['200 from a container']);
  // What was killed by hand stays so.
  for (const name of ['nats-1', 'control']) {
    expect((await site.containers.get(name)?.inspect())?.State.Running).toBe(false);
  }
  const isMissed = async () => {
    const query = encodeURIComponent('up{instance="control:9464"}');
    const { result } = (await asked(`/api/v1/query?query=${query}`)).data;
    return result[0]?.value[1] === '0';
  };
  await eventually(isMissed, 60_000, 'Prometheus to miss it');
});

test('taken down, it leaves no container, volume or network', async () => {
  await told('delete', 'workload', 'web', '--wait');
  await site.down();
  expect(await engine.remains()).toEqual(before);
});
