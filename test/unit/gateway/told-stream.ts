/** What a stream of server-sent events tells, as it comes; and whether it has ended. */
import { expect } from 'vitest';

interface Told {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Watches until it is over, or left. */
export function watch(url: string) {
  const told: Told[] = [];
  const state = { told, isOver: false };
  const leave = new AbortController();
  const reading = (async () => {
    const headers = { accept: 'text/event-stream' };
    const response = await fetch(url, { headers, signal: leave.signal });
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    let text = '';
    for await (const part of response.body ?? []) {
      text += Buffer.from(part).toString();
      const parts = text.split('\n\n');
      text = parts.pop() ?? '';
      for (const each of parts) {
        const found = /^event: (\w+)\ndata: (.*)$/.exec(each);
        if (found) told.push({ event: found[1] as string, data: JSON.parse(found[2] as string) });
      }
    }
    state.isOver = true;
  })();
  return {
    ...{ told, state },
    leave: () => {
      leave.abort();
      return reading.catch(() => undefined);
    },
  };
}
