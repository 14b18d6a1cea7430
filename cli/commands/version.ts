/** `shoal version`: of the command line, and of what it talks to. */
import { VERSION } from '../../actors/runtime/version.ts';
import { formatSpan, PROTOCOL } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure, RefusedFailure } from '../failure.ts';
import { plural } from '../present/sections.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';
import { pairs } from '../table.ts';

interface Health {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly store?: { readonly state: string; readonly message: string };
  readonly durability?: { readonly level: string; readonly survives: string };
}

interface Of {
  readonly version: string;
  readonly protocol: number;
}

/** What the gateway says of all the others. */
interface Versions {
  readonly gateway: Of;
  readonly control: readonly (Of & { readonly copy: string; readonly acts: boolean })[];
  readonly agents: readonly (Of & { readonly nodes: number; readonly offline: number })[];
}

interface Ready {
  readonly status: string;
  readonly bus: {
    readonly connected: boolean;
    readonly server?: string;
    readonly version?: string;
  };
}

/** A fabric that is not there is told, not a failure: the version of the command line is known. */
export async function version(session: Session): Promise<ExitCode> {
  const { gateway } = session;
  const health = await reachable(gateway.read<Health>('/health'));
  const ready = health && (await reachable(gateway.probe<Ready>('/ready')));
  const versions = health && (await versionsOf(session));
  const value = {
    client: VERSION,
    protocol: PROTOCOL,
    gateway: health
      ? {
          ...{ url: gateway.base, version: health.version, uptimeSeconds: health.uptimeSeconds },
          ...(versions ? { protocol: versions.gateway.protocol } : {}),
        }
      : null,
    control: versions?.control ?? null,
    agents: versions?.agents ?? null,
    bus: ready?.bus ?? null,
    durability: health?.durability ?? null,
    store: health?.store ?? null,
  };
  print(session, value, (paint) =>
    pairs(
      [
        ['shoal', `${VERSION}, protocol ${PROTOCOL}`],
        [
          'gateway',
          health ? gatewayText(gateway.base, health, versions) : `none at ${gateway.base}`,
        ],
        ...controlLines(versions),
        ...agentLines(versions),
        ['bus', health ? busText(ready) : undefined],
        [
          'store',
          health?.store && health.store.state !== 'well' ? health.store.message : undefined,
        ],
        ['durability', health?.durability && durabilityText(health.durability)],
      ],
      paint,
    ),
  );
  return exitCodes.ok;
}

/** A gateway of before this was told has no such call. */
async function versionsOf({ gateway }: Session): Promise<Versions | undefined> {
  try {
    return await reachable(gateway.read<Versions>('/version'));
  } catch (error) {
    if (error instanceof RefusedFailure && error.refusal.code === 'route-unknown') return undefined;
    throw error;
  }
}

function gatewayText(base: string, health: Health, versions: Versions | undefined): string {
  const protocol = versions ? `, protocol ${versions.gateway.protocol}` : '';
  const up = formatSpan(Math.floor(health.uptimeSeconds) * 1000);
  return `${health.version}${protocol} at ${base}, up ${up}`;
}

function controlLines(versions: Versions | undefined): [string, string][] {
  if (!versions) return [];
  if (versions.control.length === 0) return [['control', 'no control plane answers']];
  return versions.control.map(({ copy, version: of, protocol, acts }) => {
    return ['control', `${of}, protocol ${protocol}: ${copy}, ${acts ? 'acts' : 'stands by'}`];
  });
}

function agentLines(versions: Versions | undefined): [string, string][] {
  if (!versions) return [];
  if (versions.agents.length === 0) return [['agents', 'none']];
  return versions.agents.map(({ version: of, protocol, nodes, offline }) => {
    const away = offline > 0 ? `, ${offline} offline` : '';
    return ['agents', `${of}, protocol ${protocol}: ${plural(nodes, 'node')}${away}`];
  });
}

function busText(ready: Ready | undefined): string {
  if (!ready) return 'unknown';
  if (!ready.bus.connected) return 'the gateway has lost nats-server';
  return `nats-server ${ready.bus.version ?? 'of an unknown version'}`;
}

function durabilityText({ level, survives }: NonNullable<Health['durability']>): string {
  return `${level}: an acknowledged write ${survives}`;
}

async function reachable<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (error instanceof RefusedFailure || !(error instanceof Failure)) throw error;
    return undefined;
  }
}
