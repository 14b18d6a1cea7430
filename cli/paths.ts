/** Paths of the gateway's API. */

const API = '/api/v1';

export const workloadsPath = `${API}/workloads`;
export const instancesPath = `${API}/instances`;
export const nodesPath = `${API}/nodes`;
export const eventsPath = `${API}/events`;

export function workloadPath(name: string): string {
  return `${workloadsPath}/${encodeURIComponent(name)}`;
}

export function instancePath(id: string): string {
  return `${instancesPath}/${encodeURIComponent(id)}`;
}

export function nodePath(id: string): string {
  return `${nodesPath}/${encodeURIComponent(id)}`;
}
