/**
 * Makes sure that the end of a container is heard at once: the engine's events, and after every gap
 * in them a look at everything.
 */
import { LABELS } from './container.ts';
import { type Engine, removals } from './engine.ts';

/** Pause before a lost engine is asked again: doubling, at most this long, in milliseconds. */
const AGAIN_MS = 100;
const AGAIN_MAX_MS = 2_000;

export interface Watcher {
  /** Events are heard from now on; what was before is not known. */
  connected(): void;
  /** The engine is lost: whatever it says is heard when it is back. */
  lost(error: unknown): void;
  /** Its container has ended, or is gone. */
  died(name: string, run: number): void;
  /** The container that held the network of an instance. */
  holderDied(instance: string): void;
}

/** Watches until the returned function is called. */
export function watchEnds(engine: Engine, agent: string, watcher: Watcher): () => void {
  const closing = new AbortController();
  const { signal } = closing;
  const watch = async (): Promise<void> => {
    let againMs = AGAIN_MS;
    while (!signal.aborted) {
      try {
        const stream = await engine.ends(signal);
        againMs = AGAIN_MS;
        watcher.connected();
        for await (const line of linesOf(stream)) tell(line, agent, watcher);
        throw new Error('the engine ended its events');
      } catch (error) {
        if (signal.aborted) return;
        watcher.lost(error);
      }
      await new Promise((resolve) => setTimeout(resolve, againMs));
      againMs = Math.min(AGAIN_MAX_MS, againMs * 2);
    }
  };
  void watch();
  return () => closing.abort();
}

interface EndEvent {
  readonly Action?: string;
  readonly Actor?: { readonly Attributes?: Readonly<Record<string, string>> };
}

function tell(line: string, agent: string, watcher: Watcher): void {
  const { Actor: actor, Action: action = '' } = JSON.parse(line) as EndEvent;
  const { [LABELS.name]: name, [LABELS.run]: run, ...labels } = actor?.Attributes ?? {};
  if (name === undefined) return;
  if (labels[LABELS.agent] === agent) watcher.died(name, Number(run));
  // One that is removed was told to be: its end was heard, or nothing is held by it.
  const isRemoval = removals.includes(action);
  if (labels[LABELS.holder] === agent && !isRemoval) watcher.holderDied(name);
}

async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of chunks) {
    const lines = `${rest}${Buffer.from(chunk).toString()}`.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') yield line;
  }
}
