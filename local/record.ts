/** What is written down of a fabric that runs, for whoever stops it or looks at it. */
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { StartError } from '../actors/runtime/start-error.ts';
import { tolerantJson } from '../actors/runtime/tolerant-json.ts';
import { isAlive } from '../edge-agent/drivers/process/alive.ts';

const recordSchema = z.object({
  /** Who keeps it: ending this process ends the fabric. */
  pid: z.number().int(),
  natsUrl: z.string(),
  gatewayUrl: z.string(),
  ingressUrl: z.string(),
  /** Absent: there is no gRPC. */
  grpcAddress: z.string().optional(),
  /** Where Try It Now's API is served. Absent: it is not. */
  tryItNowUrl: z.string().optional(),
  nodes: z.array(z.string()),
  startedAt: z.string(),
  /** Everything has started. */
  isReady: z.boolean(),
});
export type FabricRecord = z.infer<typeof recordSchema>;

/** Parts of the keepers' command lines: tell them from later processes of the same ids. */
const KEEPER_MARKS = ['local/supervise.js', 'local/demo.js', 'local/demo-pool.js'];

/** Writes the record of the one who keeps this folder. */
export async function writeRecord(file: string, record: FabricRecord): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(record, null, 2));
  await rename(`${file}.new`, file);
}

/**
 * Makes this process the keeper of a folder. Throws StartError when another one is: two at a time
 * cannot both get it, since a link is made once.
 */
export async function claimRecord(file: string, record: FabricRecord): Promise<void> {
  const own = `${file}.${process.pid}`;
  await writeFile(own, JSON.stringify(record, null, 2));
  try {
    const before = await runningFabric(file);
    if (before) throw taken(before.pid);
    await rm(file, { force: true });
    await link(own, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw taken((await runningFabric(file))?.pid);
  } finally {
    await rm(own, { force: true });
  }
}

function taken(pid: number | undefined): StartError {
  const who = pid === undefined ? '' : ` (pid ${pid})`;
  return new StartError(
    `a fabric runs in this folder already${who}; stop it first, or set STATE to another folder`,
  );
}

/** The fabric of a record, if it still runs. */
export async function runningFabric(file: string): Promise<FabricRecord | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = recordSchema.safeParse(tolerantJson(text));
  if (!parsed.success) return undefined;
  return (await isKeeper(parsed.data.pid)) ? parsed.data : undefined;
}

/** Whether a process lives that keeps a fabric. */
export async function isKeeper(pid: number): Promise<boolean> {
  for (const mark of KEEPER_MARKS) if (await isAlive(pid, mark)) return true;
  return false;
}

export async function removeRecord(file: string): Promise<void> {
  await rm(file, { force: true });
}
