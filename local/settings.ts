/** The settings of a local fabric, from the environment and make's variables. */
import { cpus, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { durabilityIn, serversIn } from '../actors/runtime/durability-setting.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { formatBytes } from '../subjects/index.ts';
import type { FabricSettings } from './fabric.ts';
import { root } from './layout.ts';
import type { ServerPorts } from './servers.ts';

/** Most nodes that are started on one machine. */
const NODES_MAX = 50;

type Environment = Readonly<Record<string, string | undefined>>;

/** Most control planes that are started on one machine. */
const COPIES_MAX = 5;

/** Settings of the fabric that `make up` keeps. Throws StartError. */
export function upSettings(environment: Environment, server: string): FabricSettings {
  const count = numberIn(environment, 'NODES', 3, { from: 1, to: NODES_MAX });
  const port = (name: string, usual: number): number => portIn(environment, name, usual) ?? usual;
  return {
    folder: resolve(environment['STATE'] || join(root, '.shoal', 'up')),
    server,
    nodes: Array.from({ length: count }, (_, index) => `n${index + 1}`),
    copies: numberIn(environment, 'COPIES', 1, { from: 1, to: COPIES_MAX }),
    capacity: environment['SHOAL_CAPACITY'] || capacityOf(count),
    servers: serversFrom(environment, {
      nats: port('SHOAL_NATS_PORT', 4222),
      monitor: port('SHOAL_MONITOR_PORT', 8222),
      cluster: port('SHOAL_CLUSTER_PORT', 6222),
    }),
    ports: {
      gateway: port('SHOAL_GATEWAY_PORT', 8480),
      ingress: port('SHOAL_INGRESS_PORT', 8481),
      grpc: port('SHOAL_GRPC_PORT', 8482),
    },
    isKept: true,
    durability: durabilityIn(environment),
  };
}

/** The ports of each server: the first has the named ones, the others those that follow. */
function serversFrom(environment: Environment, first: ServerPorts): readonly ServerPorts[] {
  return Array.from({ length: serversIn(environment) }, (_, index) => ({
    nats: first.nats + index,
    monitor: first.monitor + index,
    cluster: first.cluster + index,
  }));
}

/** What each of some nodes on this machine may promise: together no more than there is. */
export function capacityOf(nodes: number): string {
  const cpu = Math.max(100, Math.floor((cpus().length * 1000) / nodes));
  const memory = Math.floor((totalmem() * 0.5) / nodes / 2 ** 20) * 2 ** 20;
  return `cpu=${cpu}m,memory=${formatBytes(memory).replace(/\.\d+/, '')},disk=10Gi`;
}

/** A port somebody chose, or the usual one. Throws StartError. */
export function portIn(
  environment: Environment,
  name: string,
  usual: number | undefined,
): number | undefined {
  return numberIn(environment, name, usual, { from: 1, to: 65_535 });
}

function numberIn<D extends number | undefined>(
  environment: Environment,
  name: string,
  usual: D,
  range: { readonly from: number; readonly to: number },
): number | D {
  const text = environment[name];
  if (!text) return usual;
  const value = Number(text);
  if (Number.isInteger(value) && value >= range.from && value <= range.to) return value;
  throw new StartError(`${name} is ${text}; give a whole number from ${range.from} to ${range.to}`);
}
