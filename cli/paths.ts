/** Paths of the gateway's API, and what it gives there at most. */

import { manifestNoun } from '../subjects/index.ts';

const API = '/api/v1';

export const workloadsPath = `${API}/workloads`;
export const instancesPath = `${API}/instances`;
export const nodesPath = `${API}/nodes`;
export const schedulesPath = `${API}/schedules`;
export const poolsPath = `${API}/pools`;
export const claimsPath = `${API}/claims`;
export const eventsPath = `${API}/events`;
export const nodeUsePath = `${API}/usage/nodes`;
export const instanceUsePath = `${API}/usage/instances`;
export const deadPath = `${API}/dead`;
export const sessionsPath = `${API}/sessions`;

/** What is kept of a tenant's past. */
export function retentionPath(tenant: string): string {
  return `${API}/tenants/${encodeURIComponent(tenant)}/retention`;
}

/** Most events and lines the gateway gives at a time. */
export const EVENTS_MAX = 1_000;
export const TAIL_MAX = 10_000;

export function workloadPath(name: string): string {
  return `${workloadsPath}/${encodeURIComponent(name)}`;
}

/** How far a service is with its version; what is ordered about that lies below. */
export function rolloutPath(name: string): string {
  return `${workloadPath(name)}/rollout`;
}

export function endpointsPath(name: string): string {
  return `${workloadPath(name)}/endpoints`;
}

export function versionsPath(name: string): string {
  return `${workloadPath(name)}/versions`;
}

export function schedulePath(name: string): string {
  return `${schedulesPath}/${encodeURIComponent(name)}`;
}

export function poolPath(name: string): string {
  return `${poolsPath}/${encodeURIComponent(name)}`;
}

export function claimPath(id: string): string {
  return `${claimsPath}/${encodeURIComponent(id)}`;
}

/** Where what a manifest of this kind is about is written and read. */
export function manifestPath(kind: string, name: string): string {
  const paths = { workload: workloadPath, schedule: schedulePath, pool: poolPath };
  return paths[manifestNoun(kind)](name);
}

export function instancePath(id: string): string {
  return `${instancesPath}/${encodeURIComponent(id)}`;
}

export function nodePath(id: string): string {
  return `${nodesPath}/${encodeURIComponent(id)}`;
}

/** `letter`: the actor and its letter, as `shoal dead ls` shows it. */
export function letterPath(letter: string): string {
  return `${deadPath}/${letter.split('/').map(encodeURIComponent).join('/')}`;
}
