/** What a fabric's programs said, for a test that went wrong: its folder is gone by the time anybody looks. */
import { readFile } from 'node:fs/promises';
import type { FabricUnderTest } from './fabric.ts';

/** Lines of each program's log that are told: the last ones. */
const LINES = 40;

/** The nodes, the instances, and the end of every program's log. */
export async function storyOf(under: FabricUnderTest): Promise<string> {
  const { fabric, nodes, instances } = under;
  const parts = ['nodes:', ...values(nodes), 'instances:', ...values(instances)];
  for (const { program } of fabric.children) {
    const { name, log } = program;
    const text = await readFile(log, 'utf8').catch(() => '');
    parts.push(`log of ${name}:`, ...text.trimEnd().split('\n').slice(-LINES));
  }
  return `${parts.join('\n')}\n`;
}

function values(view: { entries(): Iterable<{ readonly value: unknown }> }): string[] {
  return [...view.entries()].map(({ value }) => JSON.stringify(value));
}
