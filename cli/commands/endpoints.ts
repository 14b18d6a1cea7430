/** `shoal endpoints`: where a service is called. */
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { endpointsPath } from '../paths.ts';
import { print } from '../printed.ts';
import type { EndpointShape, List } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { table } from '../table.ts';

export async function endpoints(session: Session, name: string): Promise<ExitCode> {
  const { gateway, tenant } = session;
  const found = await gateway.read<List<EndpointShape>>(endpointsPath(name), { tenant });
  if (found.items.length === 0 && session.output === 'table') {
    session.err(`nothing of ${name} takes calls; shoal describe workload ${name} says why`);
    return exitCodes.ok;
  }
  print(session, found, (paint) =>
    table(
      [
        { title: 'instance', text: (each) => each.instance },
        { title: 'node', text: (each) => each.node },
        { title: 'endpoints', text: placesOf },
      ],
      found.items,
      paint,
    ),
  );
  return exitCodes.ok;
}

/** `http 10.0.0.7:31007, metrics 10.0.0.7:31008`. */
function placesOf({ address, ports }: EndpointShape): string {
  const host = address.includes(':') ? `[${address}]` : address;
  return Object.entries(ports)
    .map(([name, port]) => `${name} ${host}:${port}`)
    .join(', ');
}
