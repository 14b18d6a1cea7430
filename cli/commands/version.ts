/** `shoal version`: of the command line, and of what it talks to. */
import { VERSION } from '../../actors/runtime/version.ts';
import { formatSpan } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Failure, RefusedFailure } from '../failure.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';
import { pairs } from '../table.ts';

interface Health {
  readonly version: string;
  readonly uptimeSeconds: number;
  readonly durability?: { readonly level: string; readonly survives: string };
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
  const value = {
    client: VERSION,
    gateway: health
      ? { url: gateway.base, version: health.version, uptimeSeconds: health.uptimeSeconds }
      : null,
    bus: ready?.bus ?? null,
    durability: health?.durability ?? null,
  };
  print(session, value, () =>
    pairs([
      ['shoal', VERSION],
      ['gateway', health ? gatewayText(gateway.base, health) : `none at ${gateway.base}`],
      ['bus', health ? busText(ready) : undefined],
      ['durability', health?.durability && durabilityText(health.durability)],
    ]),
  );
  return exitCodes.ok;
}

function gatewayText(base: string, { version, uptimeSeconds }: Health): string {
  return `${version} at ${base}, up ${formatSpan(Math.floor(uptimeSeconds) * 1000)}`;
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
