/** `shoal logs`: what a workload's instances, or one instance, printed. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { RefusedFailure } from '../failure.ts';
import { follow } from '../follow.ts';
import type { Query } from '../gateway-client.ts';
import { instancePath, instancesPath, TAIL_MAX, workloadPath } from '../paths.ts';
import { logLine, SeenLines, speakerOf } from '../present/log-lines.ts';
import { print } from '../printed.ts';
import type { InstanceShape, List, LogLineShape } from '../shapes.ts';
import type { Session } from '../shell.ts';

export interface LogsOptions {
  readonly follow?: boolean;
  /** A span (`10m`) or a moment in RFC 3339. */
  readonly since?: string;
  readonly tail?: number;
  /** Only this sidecar. */
  readonly sidecar?: string;
}

export async function logs(
  session: Session,
  name: string,
  options: LogsOptions,
): Promise<ExitCode> {
  const isInstance = await isInstanceId(session, name);
  const path = `${isInstance ? instancePath(name) : workloadPath(name)}/logs`;
  const { since, tail, sidecar } = options;
  const query: Query = { tenant: session.tenant, since, tail, sidecar };
  if (options.follow) return followLogs(session, path, query, isInstance ? undefined : name);
  const found = await session.gateway.read<{ readonly items: readonly LogLineShape[] }>(
    path,
    query,
  );
  const isNamed = new Set(found.items.map(speakerOf)).size > 1;
  if (found.items.length === 0 && session.output === 'table') {
    session.err(
      `${name} has printed nothing${options.since === undefined ? '' : ` since ${options.since}`}`,
    );
  } else {
    print(session, found, (paint) =>
      found.items.map((each) => logLine(each, isNamed, paint)).join('\n'),
    );
  }
  return exitCodes.ok;
}

/** A workload's name comes first: an instance is meant when there is no such workload. */
async function isInstanceId({ gateway, tenant }: Session, name: string): Promise<boolean> {
  try {
    await gateway.read(workloadPath(name), { tenant });
    return false;
  } catch (error) {
    if (!isCode(error, 'workload-not-found')) throw error;
    try {
      await gateway.read(instancePath(name), { tenant });
      return true;
    } catch (other) {
      // Neither: the workload is what most people mean.
      throw isCode(other, 'instance-not-found') ? error : other;
    }
  }
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof RefusedFailure && error.refusal.code === code;
}

async function followLogs(
  session: Session,
  path: string,
  query: Query,
  workload: string | undefined,
): Promise<never> {
  let isNamed = workload !== undefined && (await countOf(session, workload)) > 1;
  const seen = new SeenLines();
  // After a lost connection: from the newest line seen, however many there were since.
  const again = (): Query =>
    seen.newestAt === undefined ? query : { ...query, since: seen.newestAt, tail: TAIL_MAX };
  return follow(
    session,
    path,
    () => ({ ...again(), follow: true }),
    ({ data }) => {
      const line = JSON.parse(data) as LogLineShape;
      if (!seen.isNew(line)) return;
      if (seen.speakers > 1) isNamed = true;
      session.out(
        session.output === 'table' ? logLine(line, isNamed, session.paint) : JSON.stringify(line),
      );
    },
  );
}

async function countOf({ gateway, tenant }: Session, workload: string): Promise<number> {
  const { items } = await gateway.read<List<InstanceShape>>(instancesPath, { tenant, workload });
  return items.filter((each) => !each.outcome).length;
}
