/** Ports of a service: how they are called, and which numbers are its own to choose. */
import { z } from 'zod';
import { portName } from './names.ts';

/** Most ports of a spec. */
export const PORTS_MAX = 16;

const portNumber = z.number().int().min(1).max(65_535);

const port = z.strictObject({
  name: portName,
  container: portNumber
    .optional()
    .describe('Port the program listens on in its container; default: the one it reads in PORT'),
  host: portNumber
    .optional()
    .describe(
      'Port on the node: at most one instance a node; default: the agent chooses a free one',
    ),
  protocol: z
    .enum(['tcp', 'udp'])
    .optional()
    .describe('Default: tcp. Of udp nobody can say whether it is ready, and the ingress has none'),
});
export type PortSpec = z.infer<typeof port>;

export const portsSpec = z
  .array(port)
  .max(PORTS_MAX)
  .default([])
  .refine((ports) => new Set(ports.map((each) => each.name)).size === ports.length, {
    message: 'each port needs a name of its own',
  })
  .describe('Ports; the program reads their numbers in PORT and PORT_<NAME>');

/** A port of a node, as ledgers list it: `8080/tcp`. */
export const nodePort = z.string().regex(/^\d{1,5}\/(tcp|udp)$/, 'e.g. 8080/tcp');

/** A number of a node, with its protocol, as one word. */
export function nodePortOf(number: number, { protocol = 'tcp' }: Pick<PortSpec, 'protocol'>) {
  return `${number}/${protocol}`;
}

/** The ports of its node that a spec names itself. */
export function fixedPorts(ports: readonly PortSpec[] = []): readonly string[] {
  return ports.flatMap((each) => (each.host === undefined ? [] : [nodePortOf(each.host, each)]));
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

interface Ported {
  readonly driver: string;
  readonly ports?: readonly PortSpec[];
  readonly ingress?: { readonly port?: string | undefined } | undefined;
}

/** What is wrong with the ports of a spec; judged where a spec is asked for. */
export function portFaults({ driver, ports = [], ingress }: Ported): readonly Fault[] {
  const faults: Fault[] = [];
  const taken = new Set<string>();
  for (const [index, each] of ports.entries()) {
    const [fixed] = fixedPorts([each]);
    if (fixed !== undefined && taken.has(fixed)) {
      const message = `${fixed} is another port of this spec`;
      faults.push({ path: ['ports', index, 'host'], message });
    }
    if (fixed !== undefined) taken.add(fixed);
    if (driver === 'process' && each.container !== undefined) {
      const message = 'a port inside is only for driver docker';
      faults.push({ path: ['ports', index, 'container'], message });
    }
  }
  const called = ingress && (ports.find(({ name }) => name === ingress.port) ?? ports[0]);
  if (called?.protocol === 'udp') {
    const message = `port ${called.name} is udp: an ingress needs one of tcp`;
    faults.push({ path: ['ingress', 'port'], message });
  }
  return faults;
}
