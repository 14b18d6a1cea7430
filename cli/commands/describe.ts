/** `shoal describe`: everything about one thing, with what happened to it last. */
import { FABRIC_TENANT } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { RefusedFailure } from '../failure.ts';
import type { Query } from '../gateway-client.ts';
import type { Noun } from '../nouns.ts';
import {
  claimsPath,
  eventsPath,
  instancePath,
  instancesPath,
  nodePath,
  poolPath,
  rolloutPath,
  schedulePath,
  workloadPath,
} from '../paths.ts';
import { instanceText } from '../present/instances.ts';
import { nodeText } from '../present/nodes.ts';
import { poolText } from '../present/pools.ts';
import { scheduleText } from '../present/schedules.ts';
import { workloadText } from '../present/workloads.ts';
import { print } from '../printed.ts';
import type {
  ClaimShape,
  EventShape,
  InstanceShape,
  List,
  NodeDetailShape,
  PoolShape,
  RolloutShape,
  ScheduleShape,
  WorkloadShape,
} from '../shapes.ts';
import type { Session } from '../shell.ts';

/** Events told in a description, the last ones. */
const EVENTS_SHOWN = 20;

export async function describe(session: Session, noun: Noun, name: string): Promise<ExitCode> {
  const { gateway, tenant, paint } = session;
  const now = session.now();
  switch (noun) {
    case 'workload': {
      const workload = await gateway.read<WorkloadShape>(workloadPath(name), { tenant });
      const [instances, events, rollout] = await Promise.all([
        instancesOf(session, { tenant, workload: name }),
        eventsOf(session, { tenant, workload: name }),
        workload.kind === 'service' ? rolloutOf(session, name) : undefined,
      ]);
      const value = { ...workload, ...(rollout && { rollout }), events };
      const more = { instances, events, rollout, now, paint };
      print(session, value, () => workloadText(workload, more));
      break;
    }
    case 'instance': {
      const instance = await gateway.read<InstanceShape>(instancePath(name), { tenant });
      const events = await eventsOf(session, { tenant, noun: 'instance', id: name });
      print(session, { ...instance, events }, () => instanceText(instance, { events, now, paint }));
      break;
    }
    case 'node': {
      const node = await gateway.read<NodeDetailShape>(nodePath(name));
      const [instances, events] = await Promise.all([
        instancesOf(session, { tenant, node: name }),
        eventsOf(session, { tenant: FABRIC_TENANT, noun: 'node', id: name }),
      ]);
      print(session, { ...node, events }, () => nodeText(node, { instances, events, now, paint }));
      break;
    }
    case 'schedule': {
      const schedule = await gateway.read<ScheduleShape>(schedulePath(name), { tenant });
      const events = await eventsOf(session, { tenant, noun: 'schedule', id: name });
      print(session, { ...schedule, events }, () => scheduleText(schedule, { events, now, paint }));
      break;
    }
    case 'pool': {
      const pool = await gateway.read<PoolShape>(poolPath(name), { tenant });
      const [claims, events] = await Promise.all([
        gateway.read<List<ClaimShape>>(claimsPath, { tenant, pool: name }),
        eventsOf(session, { tenant, noun: 'pool', id: name }),
      ]);
      const more = { claims: claims.items, events };
      print(session, { ...pool, ...more }, () => poolText(pool, { ...more, now, paint }));
    }
  }
  return exitCodes.ok;
}

/** Undefined: the gateway is of a version that knows of none. */
async function rolloutOf(
  { gateway, tenant }: Session,
  name: string,
): Promise<RolloutShape | undefined> {
  return gateway.read<RolloutShape>(rolloutPath(name), { tenant }).catch((error) => {
    if (error instanceof RefusedFailure && error.refusal.status === 404) return undefined;
    throw error;
  });
}

async function instancesOf({ gateway }: Session, query: Query): Promise<readonly InstanceShape[]> {
  return (await gateway.read<List<InstanceShape>>(instancesPath, query)).items;
}

async function eventsOf({ gateway }: Session, query: Query): Promise<readonly EventShape[]> {
  const asked = { ...query, limit: EVENTS_SHOWN };
  return (await gateway.read<List<EventShape>>(eventsPath, asked)).items;
}
