/** Callers that call a service all the time, and miss nothing that goes wrong. */
import { Agent, request } from 'node:http';
import { eventually } from './ports.ts';

/** Calls a host until it is stopped: by how many at once, and how each call ended. */
export class Load {
  readonly answers = new Map<string, number>();
  readonly failed: string[] = [];
  /** How long each call took that was answered with 200, in milliseconds. */
  readonly tookMs: number[] = [];
  readonly #url: URL;
  readonly #host: string;
  readonly #agent = new Agent({ keepAlive: true });
  readonly #callers: Promise<void>[];
  #isOver = false;

  constructor(
    url: string,
    host: string,
    callers: number,
    methods: readonly string[] = ['GET', 'POST', 'PUT', 'DELETE'],
  ) {
    this.#url = new URL(url);
    this.#host = host;
    this.#callers = Array.from({ length: callers }, (_, index) =>
      this.#calls(methods[index % methods.length] as string),
    );
  }

  /** Waits until some calls were answered so. */
  until(answer: string): Promise<void> {
    const isSo = () => (this.answers.get(answer) ?? 0) > 20;
    return eventually(isSo, 20_000, `calls that end with ${answer}`);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#callers);
    this.#agent.destroy();
  }

  async #calls(method: string): Promise<void> {
    while (!this.#isOver) {
      const began = performance.now();
      const answer = await this.#call(method).catch(String);
      this.answers.set(answer, (this.answers.get(answer) ?? 0) + 1);
      if (/^200 /.test(answer)) this.tookMs.push(performance.now() - began);
      else this.failed.push(`${method}: ${answer}`);
    }
  }

  #call(method: string): Promise<string> {
    const { hostname, port } = this.#url;
    return new Promise((resolve, reject) => {
      const options = { hostname, port, method, agent: this.#agent, headers: { host: this.#host } };
      const asked = request(options, (response) => {
        let text = '';
        response.on('data', (part) => {
          text += part;
        });
        response.on('end', () => resolve(`${response.statusCode} ${text}`));
        response.on('error', reject);
      });
      asked.on('error', reject);
      asked.end(method === 'GET' || method === 'DELETE' ? undefined : 'some text');
    });
  }
}
