/** Reads a stream of server-sent events, as a test wants to look at it. */
export interface SseMessage {
  readonly id: string | undefined;
  readonly event: string;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into events freely
  readonly data: any;
}

export class SseClient {
  readonly messages: SseMessage[] = [];
  readonly comments: string[] = [];
  readonly status: number;
  readonly headers: Headers;
  isEnded = false;
  readonly #abort: AbortController;
  readonly #waiting = new Set<() => void>();

  private constructor(response: Response, abort: AbortController) {
    this.status = response.status;
    this.headers = response.headers;
    this.#abort = abort;
    void this.#read(response);
  }

  static async open(url: string, headers: Record<string, string> = {}): Promise<SseClient> {
    const abort = new AbortController();
    const response = await fetch(url, {
      signal: abort.signal,
      headers: { accept: 'text/event-stream', ...headers },
    });
    return new SseClient(response, abort);
  }

  /** Resolves when a condition on what has come holds. */
  async until(holds: () => boolean, withinMs = 10_000): Promise<void> {
    if (holds()) return;
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => {
        const seen = this.messages.map((each) => each.event).join(', ');
        reject(new Error(`not in ${withinMs} ms; there came: ${seen} ${this.comments.join('; ')}`));
      }, withinMs);
      const look = (): void => {
        if (!holds()) return;
        clearTimeout(late);
        this.#waiting.delete(look);
        resolve();
      };
      this.#waiting.add(look);
    });
  }

  close(): void {
    this.#abort.abort();
  }

  async #read(response: Response): Promise<void> {
    let text = '';
    const decoder = new TextDecoder();
    try {
      for await (const part of response.body ?? []) {
        text += decoder.decode(part as Uint8Array, { stream: true });
        const blocks = text.split('\n\n');
        text = blocks.pop() ?? '';
        for (const block of blocks) this.#take(block);
        for (const look of [...this.#waiting]) look();
      }
    } catch {
      // The test has seen enough.
    }
    this.isEnded = true;
    for (const look of [...this.#waiting]) look();
  }

  #take(block: string): void {
    if (block.startsWith(':')) {
      this.comments.push(block.slice(2));
      return;
    }
    const fields = Object.fromEntries(
      block.split('\n').map((line) => {
        const at = line.indexOf(': ');
        return [line.slice(0, at), line.slice(at + 2)];
      }),
    );
    const { id, event = 'message', data = 'null' } = fields;
    this.messages.push({ id, event, data: JSON.parse(data) });
  }
}
