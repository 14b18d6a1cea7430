/**
 * What a bus looks like when a fabric does not become whole: which beats come through each server, and
 * what each says of its routes, connections and streams. A log does not tell whether a message that
 * was sent through one server reaches who listens at another.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeBeat, tokensIn } from '../../subjects/index.ts';
import type { FabricUnderTest } from '../support/fabric.ts';
import type { Observer } from '../support/observer.ts';

/** How long beats are listened to, in milliseconds: three of a node that beats each second. */
const LISTEN_MS = 3_500;
const PAGES = ['routez?subs=detail', 'connz?subs=detail&limit=1024', 'jsz?streams=true&raft=true'];

/** Beats by node that come through the server an observer is connected to, as one line. */
export async function beatsThrough({ bus }: Pick<Observer, 'bus'>): Promise<string> {
  const heard = new Map<string, number>();
  const close = bus.ports.bus.subscribe(nodeBeat.subject.pattern, undefined, ({ subject }) => {
    const node = tokensIn(nodeBeat, subject)?.node ?? subject;
    heard.set(node, (heard.get(node) ?? 0) + 1);
  });
  await new Promise((resolve) => setTimeout(resolve, LISTEN_MS));
  close();
  const each = [...heard].sort().map(([node, count]) => `${node} ${count}`);
  return `beats in ${LISTEN_MS / 1000} s: ${each.join(', ') || 'none'}`;
}

/** Writes what each server says of itself into a folder. */
export async function keepPages({ fabric }: FabricUnderTest, folder: string): Promise<void> {
  for (const [index, { monitor }] of fabric.settings.servers.entries()) {
    for (const page of PAGES) {
      const url = `http://127.0.0.1:${monitor}/${page}`;
      const text = await fetch(url, { signal: AbortSignal.timeout(5_000) }).then(
        (answer) => answer.text(),
        (error: unknown) => String(error),
      );
      const name = `${fabric.servers[index]}-${page.replace(/\?.*/, '')}.json`;
      await writeFile(join(folder, name), text);
    }
  }
}
