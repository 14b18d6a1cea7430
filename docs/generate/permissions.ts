/** What each role may publish and subscribe, with placeholders for names. */
import type { Role } from '../../subjects/index.ts';
import { type Permissions, permissionsOf } from '../../subjects/permissions.ts';

/** A token that stands for any node while the permissions are made. */
const ANY_NODE = 'NODE';

/** Permissions by role; `<node>` stands for the agent's node, `<name>` for the program's name. */
export function permissionsByRole(): Readonly<Record<Role, Permissions>> {
  return {
    control: permissionsOf({ role: 'control', name: '<name>' }),
    gateway: permissionsOf({ role: 'gateway', name: '<name>' }),
    agent: ofAnyNode(permissionsOf({ role: 'agent', name: ANY_NODE })),
    operator: permissionsOf({ role: 'operator', name: '<name>' }),
  };
}

function ofAnyNode({ publish, subscribe }: Permissions): Permissions {
  const placeheld = (subject: string): string => subject.replaceAll(ANY_NODE, '<node>');
  return { publish: publish.map(placeheld), subscribe: subscribe.map(placeheld) };
}
