/** How events are written in `text/event-stream` (WHATWG HTML, server-sent events). */

export interface SseEvent {
  /** What a client names to go on after this event. */
  readonly id?: number;
  /** Absent: `message`. */
  readonly event?: string;
  readonly data: unknown;
}

/** One event; JSON has no line breaks, so `data` is one line. */
export function sseText({ id, event, data }: SseEvent): string {
  const head = `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}`;
  return `${head}data: ${JSON.stringify(data)}\n\n`;
}

/** A line that clients pass over. */
export function sseComment(text: string): string {
  return `: ${text}\n\n`;
}
