/** How much a machine can send and take: the speed of the network interface its calls leave by. */
import { readFile } from 'node:fs/promises';
import { outward } from './machine.ts';

/** Bits a second of the interface of the default route, as its driver says; undefined: it does not. */
export async function linkBps(): Promise<number | undefined> {
  const name = await outward();
  if (name === undefined) return undefined;
  const text = await readFile(`/sys/class/net/${name}/speed`, 'utf8').catch(() => '');
  const megabits = Number.parseInt(text, 10);
  return megabits > 0 ? megabits * 1e6 : undefined;
}
