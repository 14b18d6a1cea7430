/** A fabric with a service that is called, for benchmarks of what callers see. */
import type { FabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

export const HOST = 'web.localhost';

/** Answers at once, or after a moment, with its version. */
const program = `
  const http = require('http');
  http.createServer((request, response) => {
    request.resume();
    const answer = () => response.end(process.env.VERSION);
    if (process.env.WAIT) setTimeout(answer, Number(process.env.WAIT)); else answer();
  }).listen(process.env.PORT);
`;

/** What the API answers; throws what it refuses. */
export async function api(
  under: FabricUnderTest,
  method: string,
  path: string,
  body?: object,
  // biome-ignore lint/suspicious/noExplicitAny: benchmarks look into answers freely
): Promise<any> {
  const response = await fetch(`${under.fabric.gatewayUrl}/api/v1/${path}`, {
    method,
    ...(body
      ? { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
      : {}),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${text}`);
  return JSON.parse(text);
}

/** Applies the service and waits until every instance of that version is ready. */
export async function serve(
  under: FabricUnderTest,
  of: { readonly count: number; readonly version: string; readonly waitMs?: number },
): Promise<void> {
  const { count, version, waitMs } = of;
  const applied = await api(under, 'PUT', 'workloads/web', {
    ...{ apiVersion: 'shoal/v1', kind: 'service', metadata: { name: 'web' } },
    spec: {
      ...{ count, command: ['node', '-e', program], ports: [{ name: 'http' }] },
      environment: { VERSION: version, ...(waitMs === undefined ? {} : { WAIT: String(waitMs) }) },
      ...{ ingress: { host: HOST }, resources: { cpu: '50m', memory: '64Mi' } },
      update: { strategy: 'rolling', maxSurge: 2 },
    },
  });
  const isComplete = async (): Promise<boolean> => {
    const { state, version: reached } = await api(under, 'GET', 'workloads/web/rollout');
    return state === 'complete' && reached === applied.generation;
  };
  await eventually(isComplete, 120_000, `version ${version} to be complete`);
}
