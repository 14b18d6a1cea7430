/**
 * Makes sure that nobody waits for a Docker engine for ever, and that what it refuses is one
 * sentence: all that is asked of it goes through here, each with a limit of time.
 *
 * The client library is loaded when an engine is opened: an agent without one does not pay for it.
 */
import { cpus } from 'node:os';
import { addAbortSignal, type Duplex, type Readable, Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type Docker from 'dockerode';
import { AtATime } from '../at-a-time.ts';
import { LOOK_MS } from '../disk-use.ts';
import type { Use } from '../driver.ts';
import type { RegistryAuth } from './credentials.ts';
import { absent, EngineError, engineError } from './engine-error.ts';

/** How long an engine may take to answer what it knows, in milliseconds. */
const ANSWER_MS = 5_000;
/**
 * And to make, start or remove a container: it writes to its disk for it, and that may be another's, too.
 * Fifteen seconds were too few once on a machine that was only slow.
 */
const ACT_MS = 30_000;
/**
 * How many containers are made, started or removed at a time: two for each core. With 200 asked for
 * together on two cores the engine answered for a few within ACT_MS, and the others were asked again.
 */
const ACTS_MAX = 2 * Math.max(2, cpus().length);
/** What Docker calls the end of a container, and Podman. */
const endings = ['die', 'died'] as const;
/** And its removal. */
export const removals: readonly string[] = ['destroy', 'remove'];
/** How a command run in a container ended; no code: the engine does not say. */
export interface Ran {
  readonly exitCode: number | undefined;
}

/** A command under way in a container. */
export interface Interacted {
  /** What it is told and what it says. */
  readonly stream: Duplex;
  resize(size: { readonly rows: number; readonly columns: number }): Promise<unknown>;
  /** Neither running nor with a code: it is about to be started. */
  state(): Promise<Ran & { readonly isRunning: boolean }>;
}

/** One container as it stands; undefined: there is none. */
export type Inspected = Docker.ContainerInspectInfo | undefined;

export class Engine {
  readonly socket: string;
  readonly #docker: Docker;
  readonly #acts = new AtATime(ACTS_MAX);
  #isPodman: boolean | undefined;

  private constructor(socket: string, docker: Docker) {
    this.socket = socket;
    this.#docker = docker;
  }

  /** Nothing is asked yet: the engine may be away. */
  static async open(socket: string): Promise<Engine> {
    const { default: Client } = await import('dockerode');
    return new Engine(socket, new Client({ socketPath: socket }));
  }

  async info(): Promise<{ readonly version: string; readonly [name: string]: unknown }> {
    const info = await this.#ask(ANSWER_MS, () => this.#docker.info());
    return { ...info, version: String(info.ServerVersion ?? 'unknown') };
  }

  /** Whether it answers. Never rejects. */
  answers(): Promise<boolean> {
    return this.#ask(ANSWER_MS, () => this.#docker.ping()).then(
      () => true,
      () => false,
    );
  }

  /** Containers with a label, in whatever state. */
  list(label: string): Promise<Docker.ContainerInfo[]> {
    const filters = { label: [label] };
    return this.#ask(ANSWER_MS, (abortSignal) =>
      this.#docker.listContainers({ all: true, filters, abortSignal }),
    );
  }

  async inspect(container: string): Promise<Inspected> {
    return this.#ask(ANSWER_MS, (abortSignal) =>
      this.#docker.getContainer(container).inspect({ abortSignal }),
    ).catch(absent);
  }

  async create(options: Docker.ContainerCreateOptions): Promise<void> {
    await this.#act((abortSignal) => this.#docker.createContainer({ ...options, abortSignal }));
  }

  async start(container: string): Promise<void> {
    await this.#act((abortSignal) => this.#docker.getContainer(container).start({ abortSignal }));
  }

  async kill(container: string, signal: NodeJS.Signals): Promise<void> {
    await this.#ask(ANSWER_MS, (abortSignal) =>
      this.#docker.getContainer(container).kill({ signal, abortSignal }),
    );
  }

  /**
   * Runs a command in a container that runs, with variables beside the container's own, until it
   * has ended. Rejects when it cannot be run, and when `signal` aborts: the command then goes on.
   */
  async exec(
    container: string,
    of: { readonly command: readonly string[]; readonly environment: readonly string[] },
    to: { print(chunk: Uint8Array): void; begun?(): void; readonly signal: AbortSignal },
  ): Promise<Ran> {
    const { signal } = to;
    const made = await this.#ask(ANSWER_MS, () =>
      this.#docker.getContainer(container).exec({
        ...{ Cmd: [...of.command], Env: [...of.environment] },
        ...{ AttachStdout: true, AttachStderr: true, abortSignal: signal },
      }),
    );
    const stream = await this.#ask(ANSWER_MS, () =>
      made.start({ hijack: false, stdin: false, abortSignal: signal }),
    );
    to.begun?.();
    const print = new Writable({
      write: (chunk: Uint8Array, _encoding, done) => {
        to.print(chunk);
        done();
      },
    });
    this.#docker.modem.demuxStream(stream, print, print);
    await Promise.race([finished(stream), aborted(signal)]).finally(() => stream.destroy());
    const { ExitCode: code } = await this.#ask(ANSWER_MS, () => made.inspect());
    return { exitCode: code ?? undefined };
  }

  /** What a container uses; undefined: it does not run. */
  async use(container: string): Promise<Pick<Use, 'cpuMs' | 'memoryBytes'> | undefined> {
    // `one-shot`: without a second look, which takes a second.
    const once = { stream: false, 'one-shot': true } as const;
    const { cpu_stats: cpu, memory_stats: memory } = await this.#ask(ANSWER_MS, (abortSignal) =>
      this.#docker.getContainer(container).stats({ ...once, abortSignal } as typeof once),
    );
    if (memory?.usage === undefined) return undefined;
    const { total_inactive_file: first, inactive_file: unified } = memory.stats ?? {};
    return {
      cpuMs: (cpu?.cpu_usage?.total_usage ?? 0) / 1e6,
      memoryBytes: Math.max(0, memory.usage - (first ?? unified ?? 0)),
    };
  }

  /** Bytes a container has written above its image. The engine walks what there is. */
  async written(container: string): Promise<number> {
    const found = await this.#ask(LOOK_MS, (abortSignal) =>
      this.#docker.getContainer(container).inspect({ size: true, abortSignal } as object),
    );
    return (found as { readonly SizeRw?: number }).SizeRw ?? 0;
  }

  /**
   * Begins a command in a container that runs, with its input open. What comes is framed as logs
   * are, and with a terminal as it is. Rejects when it cannot be begun.
   */
  async interact(
    container: string,
    of: {
      readonly command: readonly string[];
      readonly environment: readonly string[];
      readonly size: { readonly rows: number; readonly columns: number } | undefined;
    },
  ): Promise<Interacted> {
    const { command, environment, size } = of;
    const at = ({ rows, columns }: { readonly rows: number; readonly columns: number }) => ({
      ...{ h: rows, w: columns },
    });
    const made = await this.#ask(ANSWER_MS, (abortSignal) =>
      this.#docker.getContainer(container).exec({
        ...{ Cmd: [...command], Env: [...environment], Tty: size !== undefined, abortSignal },
        ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
        ...(size ? { ConsoleSize: [size.rows, size.columns] } : {}),
      }),
    );
    const stream = await this.#ask(ANSWER_MS, () =>
      made.start({ hijack: true, stdin: true, Tty: size !== undefined }),
    );
    return {
      stream,
      resize: (to) => this.#ask(ANSWER_MS, () => made.resize(at(to))),
      state: async () => {
        const { ExitCode: code, Pid: pid } = await this.#ask(ANSWER_MS, () => made.inspect());
        // It counts as running before it has been started.
        return { isRunning: code === null && pid > 0, exitCode: code ?? undefined };
      },
    };
  }

  /** What a path in a container leads to, as the engine encodes it; undefined: nothing. */
  async pathStat(container: string, path: string): Promise<string | undefined> {
    const answer = await this.#ask(ANSWER_MS, (abortSignal) =>
      this.#docker.getContainer(container).infoArchive({ path, abortSignal }),
    ).catch(absent);
    answer?.resume();
    return answer?.headers['x-docker-container-path-stat'];
  }

  /** An archive of a path in a container, until `stop` aborts; Docker answers nothing else about it meanwhile. */
  archiveOf(container: string, path: string, stop: AbortSignal): Promise<Readable> {
    return this.#ask(ANSWER_MS, async (late) => {
      const abortSignal = AbortSignal.any([stop, late]);
      const stream = await this.#docker.getContainer(container).getArchive({ path, abortSignal });
      // One that comes when nobody waits for it any more is closed at once, and nobody hears of it.
      return addAbortSignal(
        abortSignal,
        (stream as Readable).on('error', () => undefined),
      );
    });
  }

  /** Unpacks an archive in a folder of a container, however long it takes, until `stop` aborts. */
  async putArchive(
    container: string,
    archive: Readable,
    { path, stop }: { readonly path: string; readonly stop: AbortSignal },
  ): Promise<void> {
    try {
      const options = { path, noOverwriteDirNonDir: '1', abortSignal: stop };
      const put = this.#docker.getContainer(container).putArchive(archive, options);
      // Of an engine that dies in the middle of its answer the library tells nobody.
      await Promise.race([put, aborted(stop)]);
    } catch (error) {
      throw engineError(error, this.socket);
    }
  }

  /** Ids of the processes of a container that runs, on the engine's machine. */
  async processes(container: string): Promise<readonly number[]> {
    // Podman counts as the container does, unless it is asked for the machine's ids.
    const isPodman = await this.#asPodman();
    const { Titles: titles, Processes: rows } = await this.#ask(ANSWER_MS, () =>
      this.#docker.getContainer(container).top(isPodman ? { ps_args: 'hpid' } : {}),
    );
    const at = (titles as readonly string[]).indexOf(isPodman ? 'HPID' : 'PID');
    return (rows as readonly (readonly string[])[]).map((row) => Number(row[at]));
  }

  /** Whether it is Podman; asked once. */
  async #asPodman(): Promise<boolean> {
    if (this.#isPodman === undefined) {
      const { Components: parts = [] } = await this.#ask(ANSWER_MS, () => this.#docker.version());
      this.#isPodman = parts.some(({ Name: name }) => name === 'Podman Engine');
    }
    return this.#isPodman;
  }

  /** Ends it, too, if it runs. What is not there is no error. */
  async remove(container: string): Promise<void> {
    await this.#act((abortSignal) =>
      this.#docker.getContainer(container).remove({ force: true, v: true, abortSignal }),
    ).catch(absent);
  }

  /** Id of an image, whatever it is called; undefined: there is none of this name. */
  async imageId(name: string): Promise<string | undefined> {
    const image = await this.#ask(ANSWER_MS, () => this.#docker.getImage(name).inspect()).catch(
      absent,
    );
    return image?.Id;
  }

  /** Ids of the images that containers are made of, whosever they are and in whatever state. */
  async imagesInUse(): Promise<ReadonlySet<string>> {
    const all = await this.#ask(ANSWER_MS, (abortSignal) =>
      this.#docker.listContainers({ all: true, abortSignal }),
    );
    return new Set(all.map((each) => each.ImageID));
  }

  /** Takes a name from an image; without another one it goes. False: something still uses it. */
  async removeImage(name: string): Promise<boolean> {
    try {
      await this.#act((abortSignal) => this.#docker.getImage(name).remove({ abortSignal }));
    } catch (error) {
      if (error instanceof EngineError && error.status === 409) return false;
      absent(error);
    }
    return true;
  }

  /** Where the engine keeps images and containers. */
  async dataFolder(): Promise<string> {
    return String((await this.info())['DockerRootDir'] ?? '/');
  }

  /** What a pull tells, object by object, until it ends. `signal` ends it before. */
  async pull(
    image: string,
    of: { readonly signal: AbortSignal; readonly auth: RegistryAuth | undefined },
  ): Promise<AsyncIterable<Uint8Array>> {
    const options = {
      abortSignal: of.signal,
      ...(of.auth === undefined ? {} : { authconfig: of.auth as Docker.AuthConfig }),
    };
    try {
      return (await this.#docker.pull(image, options)) as AsyncIterable<Uint8Array>;
    } catch (error) {
      throw engineError(error, this.socket);
    }
  }

  /** One output of a container with times, in frames; ends with the container if followed. */
  async logs(
    container: string,
    of: {
      readonly output: 'stdout' | 'stderr';
      readonly since: string;
      readonly isFollowed: boolean;
    },
    signal: AbortSignal,
  ): Promise<AsyncIterable<Uint8Array>> {
    const options = {
      ...{ timestamps: true, abortSignal: signal, since: of.since as unknown as number },
      ...{ stdout: of.output === 'stdout', stderr: of.output === 'stderr' },
    };
    return new Promise((resolve, reject) => {
      // The library would gather what is not followed, and never answer if the engine dies meanwhile.
      const asked = {
        ...{ path: `/containers/${container}/logs?`, method: 'GET', isStream: true },
        ...{ abortSignal: signal, statusCodes: { 200: true, 404: 'gone', 500: 'failed' } },
        options: { ...options, follow: of.isFollowed },
      };
      this.#docker.modem.dial(asked, (error, stream) => {
        if (error) reject(error);
        else resolve(stream as Readable);
      });
    });
  }

  /**
   * Ends of containers and their removals, whosever they are, from now on: JSON, a line each. Podman calls
   * them `died` and `remove`, and of one that somebody removes as it runs it may tell only that.
   */
  async ends(signal: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    const filters = JSON.stringify({ type: ['container'], event: [...endings, ...removals] });
    const stream = await this.#docker.getEvents({ filters, abortSignal: signal });
    return stream as unknown as AsyncIterable<Uint8Array>;
  }

  /** Asks for what it writes to its disk for; the time counts from when it is asked. */
  #act<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return this.#acts.do(() => this.#ask(ACT_MS, call));
  }

  async #ask<T>(limitMs: number, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const closing = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    // Not every call of the library can be ended: nobody waits for it then.
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const seconds = limitMs / 1000;
        reject(new EngineError(`the engine did not answer within ${seconds} s`, undefined));
        closing.abort();
      }, limitMs);
    });
    const answer = call(closing.signal);
    answer.catch(() => undefined);
    try {
      return await Promise.race([answer, late]);
    } catch (error) {
      throw engineError(error, this.socket);
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Rejects when nobody waits any more. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void =>
      reject(new EngineError('the engine is not waited for any more', undefined));
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
