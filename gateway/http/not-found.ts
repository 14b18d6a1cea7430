/** What is said of things that are not there. */
import { type Refusal, refusal } from '../../subjects/index.ts';

export function workloadNotFound(tenant: string, name: string): Refusal {
  return refusal('workload-not-found', `there is no workload ${name} of tenant ${tenant}`);
}

export function instanceNotFound(tenant: string, id: string): Refusal {
  return refusal('instance-not-found', `there is no instance ${id} of tenant ${tenant}`);
}

export function nodeNotFound(id: string): Refusal {
  return refusal('node-not-found', `there is no node ${id}`);
}

export function poolNotFound(tenant: string, name: string): Refusal {
  return refusal('pool-not-found', `there is no pool ${name} of tenant ${tenant}`);
}

export function claimNotFound(tenant: string, id: string): Refusal {
  return refusal('claim-not-found', `there is no claim ${id} of tenant ${tenant}`);
}

export function scheduleNotFound(tenant: string, name: string): Refusal {
  return refusal('schedule-not-found', `there is no schedule ${name} of tenant ${tenant}`);
}
