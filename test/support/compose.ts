/**
 * Makes what a compose file says, by the engine's own API: for machines where an engine of a test's own is, and
 * Compose is not. It knows the words that deploy/compose uses, and refuses a file with any other.
 *
 * What it does in a way of its own: names of services are told to each container as hosts, since an engine
 * without iptables answers no names; ports of the machine are free ones, since those of the file may be taken.
 */
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type Docker from 'dockerode';
import { parse } from 'yaml';
import { freePort } from '../../nats/start.ts';

type Mount =
  | string
  | {
      readonly source: string;
      readonly target: string;
      readonly bind?: { readonly propagation?: string };
    };

interface Service {
  readonly image: string;
  readonly restart?: string;
  readonly user?: string;
  readonly read_only?: boolean;
  readonly init?: boolean;
  readonly cap_drop?: string[];
  readonly security_opt?: string[];
  readonly depends_on?: readonly string[];
  readonly command?: string[];
  readonly stop_grace_period?: string;
  readonly healthcheck?: {
    readonly test: string[];
    readonly interval: string;
    readonly timeout: string;
  };
  readonly ports?: readonly string[];
  readonly volumes?: readonly Mount[];
  readonly env_file?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly network_mode?: string;
  readonly pid?: string;
}

const KNOWN: ReadonlySet<string> = new Set([
  ...['image', 'restart', 'user', 'read_only', 'init', 'cap_drop', 'security_opt', 'depends_on'],
  ...['command', 'stop_grace_period', 'healthcheck', 'ports', 'volumes', 'env_file', 'environment'],
  ...['network_mode', 'pid'],
]);

/** What is not as the file has it. */
export interface ComposeOptions {
  readonly file: string;
  /** Variables that the file names. */
  readonly variables: Readonly<Record<string, string>>;
  /** Services that are left out. */
  readonly without: readonly string[];
  /** Folders and files of the machine that are others here, by those of the file. */
  readonly instead: Readonly<Record<string, string>>;
  /** The first three numbers of the network's addresses, of which nobody else has any. */
  readonly net: string;
}

/** What was made of a compose file. */
export class ComposedSite {
  readonly containers = new Map<string, Docker.Container>();
  /** Port of the machine by `<service>:<port inside>`. */
  readonly ports = new Map<string, number>();
  readonly #client: Docker;
  readonly #of: ComposeOptions;
  #volumes: readonly string[] = [];

  constructor(client: Docker, of: ComposeOptions) {
    this.#client = client;
    this.#of = of;
  }

  /** Starts it; `more`: variables of a service that only here and now are known. */
  async up(
    more: (service: string, ports: ReadonlyMap<string, number>) => Readonly<Record<string, string>>,
  ): Promise<void> {
    const text = withVariables(await readFile(this.#of.file, 'utf8'), this.#of.variables);
    const composed = parse(text, { merge: true });
    const services: [string, Service][] = Object.entries<Service>(composed.services).filter(
      ([name]) => !this.#of.without.includes(name),
    );
    for (const [name, service] of services) {
      const unknown = Object.keys(service).filter((key) => !KNOWN.has(key));
      if (unknown.length > 0) throw new Error(`service ${name} says ${unknown.join(', ')}`);
    }
    const { net } = this.#of;
    this.#volumes = Object.keys(composed.volumes).map((each) => this.#name(each));
    await this.#client.createNetwork({
      ...{ Name: this.#name('default'), Driver: 'bridge' },
      IPAM: { Driver: 'default', Config: [{ Subnet: `${net}.0/24`, Gateway: `${net}.1` }] },
    });
    for (const name of this.#volumes) await this.#client.createVolume({ Name: name });
    const addresses = new Map(services.map(([name], index) => [name, `${net}.${index + 10}`]));
    const hosts = [...addresses].map(([name, address]) => `${name}:${address}`);
    for (const [name, service] of inOrder(services)) {
      const container = await this.#create(name, service, { addresses, hosts, more });
      this.containers.set(name, container);
      await container.start();
    }
  }

  /** Ends it, in the order of `docker compose down --volumes`. */
  async down(): Promise<void> {
    for (const container of [...this.containers.values()].reverse()) {
      await container.stop().catch(() => undefined);
      await container.remove({ force: true, v: true });
    }
    for (const name of this.#volumes) await this.#client.getVolume(name).remove();
    await this.#client.getNetwork(this.#name('default')).remove();
  }

  async said(service: string): Promise<string> {
    return String(await this.containers.get(service)?.logs({ stdout: true, stderr: true }));
  }

  #name(what: string): string {
    return `shoal_${what}`;
  }

  async #create(
    name: string,
    service: Service,
    of: {
      readonly addresses: ReadonlyMap<string, string>;
      readonly hosts: string[];
      readonly more: Parameters<ComposedSite['up']>[0];
    },
  ): Promise<Docker.Container> {
    const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
    for (const each of service.ports ?? []) {
      const inside = each.slice(each.lastIndexOf(':') + 1);
      const port = await freePort();
      this.ports.set(`${name}:${inside}`, port);
      bindings[`${inside}/tcp`] = [{ HostIp: '127.0.0.1', HostPort: String(port) }];
    }
    const environment = new Map<string, string>();
    for (const file of service.env_file ?? []) {
      for (const line of (await readFile(this.#path(file), 'utf8')).trim().split('\n')) {
        const at = line.indexOf('=');
        environment.set(line.slice(0, at), line.slice(at + 1));
      }
    }
    for (const given of [service.environment ?? {}, of.more(name, this.ports)]) {
      for (const [key, value] of Object.entries(given)) environment.set(key, value);
    }
    const network = service.network_mode ?? this.#name('default');
    const isOwn = service.network_mode === undefined;
    const { healthcheck } = service;
    return this.#client.createContainer({
      ...{ name: `shoal-${name}-1`, Image: service.image },
      Labels: { 'com.docker.compose.service': name },
      Env: [...environment].map(([key, value]) => `${key}=${value}`),
      ExposedPorts: Object.fromEntries(Object.keys(bindings).map((each) => [each, {}])),
      ...(service.command === undefined ? {} : { Cmd: service.command }),
      ...(service.user === undefined ? {} : { User: service.user }),
      ...(service.stop_grace_period === undefined
        ? {}
        : { StopTimeout: seconds(service.stop_grace_period) }),
      ...(healthcheck === undefined
        ? {}
        : {
            Healthcheck: {
              Test: healthcheck.test,
              Interval: seconds(healthcheck.interval) * 1e9,
              Timeout: seconds(healthcheck.timeout) * 1e9,
            },
          }),
      HostConfig: {
        NetworkMode: network,
        RestartPolicy: { Name: service.restart ?? 'no' },
        ReadonlyRootfs: service.read_only ?? false,
        Init: service.init ?? false,
        CapDrop: service.cap_drop ?? [],
        SecurityOpt: service.security_opt ?? [],
        PidMode: service.pid ?? '',
        PortBindings: bindings,
        Binds: (service.volumes ?? []).map((each) => this.#bind(each)),
        ...(isOwn ? { ExtraHosts: of.hosts } : {}),
      },
      ...(isOwn
        ? {
            NetworkingConfig: {
              EndpointsConfig: {
                [network]: { IPAMConfig: { IPv4Address: of.addresses.get(name) ?? '' } },
              },
            },
          }
        : {}),
    } as Docker.ContainerCreateOptions);
  }

  #bind(mount: Mount): string {
    if (typeof mount === 'string') {
      const [source = '', target = '', mode] = mount.split(':');
      const from = /^[./]/.test(source) ? this.#path(source) : this.#name(source);
      return [from, target, ...(mode === undefined ? [] : [mode])].join(':');
    }
    const { source, target, bind = {} } = mount;
    const from = this.#path(source);
    // What must be under the same path in there as here.
    const to = source === target ? from : target;
    return [from, to, ...(bind.propagation === undefined ? [] : [bind.propagation])].join(':');
  }

  /** A path of the file, here. */
  #path(path: string): string {
    const { file, instead } = this.#of;
    for (const [from, to] of Object.entries(instead)) {
      if (path === from || path.startsWith(`${from}/`)) return `${to}${path.slice(from.length)}`;
    }
    if (path.startsWith('/')) throw new Error(`nothing stands for ${path} of this machine`);
    return join(dirname(file), path);
  }
}

/** `${NAME:-default}`, `${NAME:?why}` and `$$`. */
function withVariables(text: string, variables: Readonly<Record<string, string>>): string {
  return text.replaceAll(
    /\$\$|\$\{(\w+)(?::([-?])((?:\$\$|[^}])*))?\}/g,
    (whole, name?: string, kind?: string, rest = '') => {
      if (name === undefined) return '$';
      const value = variables[name];
      if (value !== undefined) return value;
      if (kind !== '-') throw new Error(`${name} is not set: ${rest || whole}`);
      return rest;
    },
  );
}

function seconds(text: string): number {
  const found = /^(\d+)s$/.exec(text);
  if (!found) throw new Error(`${text} is no number of seconds`);
  return Number(found[1]);
}

/** Each after what it depends on. */
function inOrder(services: readonly [string, Service][]): readonly [string, Service][] {
  const left = new Map(services);
  const ordered: [string, Service][] = [];
  while (left.size > 0) {
    const next = [...left].find(([, { depends_on = [] }]) =>
      depends_on.every((each) => !left.has(each)),
    );
    if (!next) throw new Error(`${[...left.keys()].join(', ')} depend on each other`);
    left.delete(next[0]);
    ordered.push(next);
  }
  return ordered;
}
