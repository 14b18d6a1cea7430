/** How much a machine can send and take: the speed of the network interface its calls leave by. */
import { readFile } from 'node:fs/promises';

/** Bits a second of the interface of the default route, as its driver says; undefined: it does not. */
export async function linkBps(): Promise<number | undefined> {
  const routes = await readFile('/proc/net/route', 'utf8').catch(() => '');
  const name = defaultInterface(routes);
  if (name === undefined) return undefined;
  const text = await readFile(`/sys/class/net/${name}/speed`, 'utf8').catch(() => '');
  const megabits = Number.parseInt(text, 10);
  return megabits > 0 ? megabits * 1e6 : undefined;
}

/** The interface of the default route in the kernel's table (proc(5)); undefined: there is none. */
export function defaultInterface(routes: string): string | undefined {
  for (const line of routes.split('\n').slice(1)) {
    const [name, destination] = line.split('\t');
    if (destination === '00000000') return name;
  }
  return undefined;
}
