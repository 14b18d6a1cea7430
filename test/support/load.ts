/** Callers that call a service all the time, and miss nothing that goes wrong. */
import { Agent, request } from 'node:http';
import { eventually } from './ports.ts';

/** A call that was not answered with 200. */
export interface FailedCall {
  readonly method: string;
  /** Status and body, or what went wrong. */
  readonly answer: string;
  /** The instance that is said to have failed; undefined: the answer names none. */
  readonly instance: string | undefined;
  /** When it was sent and when it ended, in milliseconds of `performance.now()`. */
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Some instances ended, and when, in milliseconds of `performance.now()`. */
export interface Death {
  readonly instances: readonly string[];
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Calls a host until it is stopped: by how many at once, and how each call ended. */
export class Load {
  readonly answers = new Map<string, number>();
  readonly failed: FailedCall[] = [];
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

  /**
   * Calls that failed although they were not under way at an instance that ended, as it ended: sent
   * afterwards, over before, failed elsewhere, or a GET, which another instance can be asked.
   */
  failedBeside({ instances, fromMs, untilMs }: Death): readonly FailedCall[] {
    const isOfIt = (call: FailedCall): boolean =>
      instances.includes(call.instance ?? '') &&
      call.fromMs <= untilMs &&
      call.untilMs >= fromMs &&
      call.method !== 'GET';
    return this.failed.filter((call) => !isOfIt(call));
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
      else this.failed.push(failedCall(method, answer, began));
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

function failedCall(method: string, answer: string, fromMs: number): FailedCall {
  // The ingress names the instance in its problem: `<instance>: <why>`.
  const instance = /"detail":"([a-z0-9-]+): /.exec(answer)?.[1];
  return { method, answer, instance, fromMs, untilMs: performance.now() };
}
