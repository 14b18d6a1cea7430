/** Makes sure that a node is the same one after a restart: its id and identity are kept on disk. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { StartError } from '../actors/runtime/start-error.ts';
import { nodeId } from '../subjects/index.ts';

const identitySchema = z.object({ node: nodeId, identity: z.uuid() });
export type NodeIdentity = z.infer<typeof identitySchema>;

/**
 * The identity in a folder, made the first time. `wanted` names the node; without it, what the
 * host is called. Throws StartError when the folder belongs to another node or cannot be written.
 */
export async function nodeIdentity(
  state: string,
  wanted: string | undefined,
): Promise<NodeIdentity> {
  const file = join(state, 'identity.json');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  if (kept !== undefined) return check(kept, file, wanted);
  const made: NodeIdentity = { node: wanted ?? nodeName(hostname()), identity: randomUUID() };
  try {
    await mkdir(state, { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify(made, null, 2), { mode: 0o600 });
    await rename(`${file}.new`, file);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new StartError(
      `cannot write to ${state} (${reason}); set SHOAL_STATE to a folder that can be written`,
    );
  }
  return made;
}

function check(text: string, file: string, wanted: string | undefined): NodeIdentity {
  const parsed = identitySchema.safeParse(tolerantJson(text));
  if (!parsed.success) {
    throw new StartError(`${file} is damaged; restore it, or remove it to begin as a new node`);
  }
  if (wanted !== undefined && parsed.data.node !== wanted) {
    throw new StartError(
      `${file} belongs to node ${parsed.data.node}, not ${wanted}; set SHOAL_STATE to another folder`,
    );
  }
  return parsed.data;
}

function tolerantJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** A node id made of a host name. */
export function nodeName(host: string): string {
  const name = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9-]+/g, '-')
    .replaceAll(/^-+|-+$/g, '')
    .slice(0, 48)
    .replace(/-+$/, '');
  return name || 'node';
}
