/** What is written down of a fabric that runs, for whoever stops it or looks at it. */
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { isAlive } from '../edge-agent/drivers/process/alive.ts';

const recordSchema = z.object({
  /** Who keeps it: ending this process ends the fabric. */
  pid: z.number().int(),
  natsUrl: z.string(),
  gatewayUrl: z.string(),
  ingressUrl: z.string(),
  nodes: z.array(z.string()),
  startedAt: z.string(),
});
export type FabricRecord = z.infer<typeof recordSchema>;

/** Part of the keeper's command line: tells it from a later process of the same id. */
export const KEEPER_MARK = 'local/supervise.js';

export async function writeRecord(file: string, record: FabricRecord): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(record, null, 2));
  await rename(`${file}.new`, file);
}

/** The fabric of a record, if it still runs. */
export async function runningFabric(file: string): Promise<FabricRecord | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = recordSchema.safeParse(safeJson(text));
  if (!parsed.success) return undefined;
  return (await isAlive(parsed.data.pid, KEEPER_MARK)) ? parsed.data : undefined;
}

export async function removeRecord(file: string): Promise<void> {
  await rm(file, { force: true });
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
