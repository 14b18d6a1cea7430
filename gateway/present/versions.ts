/** Which versions of which programs run, as the API shows it: what an upgrade goes by. */
import { z } from 'zod';
import { type Node, nodeState } from '../../subjects/index.ts';

const of = {
  version: z.string(),
  protocol: z.number().int().describe('Programs one apart work together'),
};

export const versionsShape = z
  .object({
    gateway: z.object(of).describe('The one that answers'),
    control: z
      .array(z.object({ copy: z.string(), ...of, acts: z.boolean() }))
      .describe('Each copy of the control plane'),
    agents: z
      .array(z.object({ ...of, nodes: z.number().int(), offline: z.number().int() }))
      .describe('How many nodes have an agent of that version, the newest first'),
  })
  .meta({ title: 'Versions' });
type AgentsOf = z.input<typeof versionsShape>['agents'][number];

/** How many nodes there are of each version of the agent. */
export function agentsIn(nodes: Iterable<Node>): AgentsOf[] {
  const counted = new Map<string, AgentsOf>();
  for (const node of nodes) {
    const { agentVersion: version, protocol } = node;
    const name = `${protocol} ${version}`;
    const before = counted.get(name) ?? { version, protocol, nodes: 0, offline: 0 };
    const offline = before.offline + (nodeState(node) === 'offline' ? 1 : 0);
    counted.set(name, { ...before, nodes: before.nodes + 1, offline });
  }
  return [...counted.values()].sort(
    (one, other) =>
      other.protocol - one.protocol ||
      other.version.localeCompare(one.version, 'en', { numeric: true }),
  );
}
