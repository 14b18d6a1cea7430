/** What a name may look like: one grammar per kind of name, used by every schema. */
import { z } from 'zod';

const LABEL = /^[a-z0-9]([a-z0-9-]{0,46}[a-z0-9])?$/;
const HOST =
  /^(?=.{1,200}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/;

/** Tenant whose things belong to nobody else: nodes, and what the fabric says of itself. */
export const FABRIC_TENANT = 'shoal';
/** Tenant of everything that names none. */
export const DEFAULT_TENANT = 'default';

const labelText = 'lower-case letters, digits and dashes, 1 to 48, no dash at either end';

/** Name of a workload, at most 48 characters: an instance's id adds 6. */
export const workloadName = z.string().regex(LABEL, labelText);
/** Name of a schedule, at most 32 characters: the name of a run adds 16. */
export const scheduleName = workloadName.max(32, 'at most 32 characters');
/** Name of a pool, at most 32 characters: the name of a slot adds 11. */
export const poolName = workloadName.max(32, 'at most 32 characters');
/** Name of a slot, of the workload that runs it, and id of its claim: its pool's, and ten characters. */
export const slotName = z.string().regex(LABEL, labelText);
/** Name of a quota: of what it limits. */
export const quotaName = z.string().regex(LABEL, labelText);
/** Name of a tenant. */
export const tenantName = z.string().regex(LABEL, labelText);
/** Id of a node. */
export const nodeId = z.string().regex(LABEL, labelText);
/** Name of a port, unique in its workload. */
export const portName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,14}$/, 'a letter, then at most 14 more');
/** Id of an instance: its workload's name and five characters. */
export const instanceId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'an instance id');
/** Host name of a route, in lower case. */
export const hostName = z.string().regex(HOST, 'a host name in lower case, e.g. hello.localhost');
/** Name of a driver; which ones exist, the nodes say. */
export const driverName = z.string().regex(/^[a-z][a-z0-9-]{0,31}$/, 'a driver name');

/** Most labels a thing may have. */
export const LABELS_MAX = 32;

/** Labels, e.g. `{ zone: "garage" }`. */
export const labelSet = z
  .record(
    z.string().regex(/^[A-Za-z0-9]([A-Za-z0-9._/-]{0,61}[A-Za-z0-9])?$/, 'a label key'),
    z.string().max(63),
  )
  .refine((labels) => Object.keys(labels).length <= LABELS_MAX, `at most ${LABELS_MAX} labels`);
