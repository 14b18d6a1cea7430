/**
 * What a site is made of: a fabric on machines of their own. One description, from which everything
 * that its programs need is derived (bundles.ts).
 */
import { z } from 'zod';
import { durabilityLevels, durabilityOf } from '../../subjects/durability.ts';
import { nodeId } from '../../subjects/index.ts';
import type { Identity } from '../../subjects/permissions.ts';

/** Most control planes and gateways of a site: more share nothing but their names. */
const COPIES_MAX = 5;

/** A host name or an address, as programs and servers are to reach it. */
const hostText = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$|^[0-9a-fA-F:]+$/,
    'a host name or an address',
  );
const port = z.number().int().min(1).max(65_535);

const server = z.strictObject({
  host: hostText,
  /** Where programs come. */
  port: port.default(4222),
  /** Where the other servers come. */
  clusterPort: port.default(6222),
  /** `/healthz`, on loopback. */
  monitorPort: port.default(8222),
});

export const siteSchema = z
  .strictObject({
    /** One that stands alone, or three that keep the same streams. */
    servers: z.array(server).min(1),
    /** Control planes: one acts, the others stand by. */
    controls: z.number().int().min(1).max(COPIES_MAX),
    gateways: z.number().int().min(0).max(COPIES_MAX),
    nodes: z.array(nodeId),
    durability: z.enum(durabilityLevels),
    /** Where each bundle will lie on its machine, below a folder for its role. */
    at: z.string().startsWith('/').default('/etc/shoal'),
    /** Where servers and agents keep what is theirs. */
    state: z.string().startsWith('/').default('/var/lib/shoal'),
  })
  .superRefine((site, context) => {
    const { servers, nodes, durability } = site;
    const wrong = (path: string, message: string): void =>
      context.addIssue({ code: 'custom', path: [path], message });
    if (servers.length !== 1 && servers.length !== 3) {
      wrong('servers', `there are ${servers.length}; one, or three that keep the same streams`);
    } else {
      const chosen = durabilityOf(durability, servers.length);
      if (!chosen.ok) wrong('durability', chosen.error);
    }
    const places = servers.map((each) => `${each.host}:${each.port}`);
    if (new Set(places).size < places.length) wrong('servers', 'two have one address and port');
    if (new Set(nodes).size < nodes.length) wrong('nodes', 'two have one name');
  });
export type Site = z.infer<typeof siteSchema>;

/** Name of a server: it owns its copies by it, so it stays. */
export function serverName(index: number): string {
  return `shoal-${index + 1}`;
}

/** `control`, `control-2`, … */
function copiesOf(role: 'control' | 'gateway', count: number): readonly Identity[] {
  return Array.from({ length: count }, (_, index): Identity => {
    return { role, name: index === 0 ? role : `${role}-${index + 1}` };
  });
}

/** Everybody who logs in at a server. */
export function identitiesOf({ controls, gateways, nodes }: Site): readonly Identity[] {
  return [
    ...copiesOf('control', controls),
    ...copiesOf('gateway', gateways),
    { role: 'operator', name: 'operator' },
    ...nodes.map((name): Identity => ({ role: 'agent', name })),
  ];
}

/** All servers, as `SHOAL_NATS` takes them. */
export function serversText({ servers }: Site): string {
  return servers.map(({ host, port: at }) => `nats://${bracketed(host)}:${at}`).join(',');
}

/** An address as it stands before a port. */
export function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
