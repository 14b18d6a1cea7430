/** Makes sure that a node is the same one after a restart: its id and identity are kept on disk. */
import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { tolerantJson } from '../actors/runtime/tolerant-json.ts';
import { nodeId } from '../subjects/index.ts';

const identitySchema = z.object({ node: nodeId, identity: z.uuid() });
export type NodeIdentity = z.infer<typeof identitySchema>;

/**
 * The identity in a folder, made the first time. `wanted` names the node; without it, what the
 * host is called. Throws StartError when the folder belongs to another node, or when what is in it
 * cannot be read, or it cannot be written.
 */
export async function nodeIdentity(
  state: string,
  wanted: string | undefined,
): Promise<NodeIdentity> {
  const file = join(state, 'identity.json');
  const kept = await keptText(file);
  if (kept !== undefined) return check(kept, file, wanted);
  const made: NodeIdentity = { node: wanted ?? nodeName(hostname()), identity: randomUUID() };
  try {
    await mkdir(state, { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify(made, null, 2), { mode: 0o600, flush: true });
    await rename(`${file}.new`, file);
  } catch (error) {
    throw new StartError(
      `cannot write to ${state} (${reasonOf(error)}); set SHOAL_STATE to a folder that can be written`,
    );
  }
  return made;
}

/** What is kept; undefined only where nothing is: a node that cannot read who it is makes no other. */
async function keptText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // Where the folder itself is none, writing says so better.
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw new StartError(
      `cannot read ${file} (${reasonOf(error)}); let this user read it, or set SHOAL_STATE to another folder`,
    );
  }
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
