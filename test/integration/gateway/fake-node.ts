/**
 * A node for tests: the real agent actor on a real bus, whose instances are small HTTP and
 * WebSocket servers in this process.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { WebSocketServer } from 'ws';
import { Host } from '../../../actors/runtime/host.ts';
import { silentLog } from '../../../actors/runtime/log.ts';
import {
  type BusProcess,
  drainHosts,
  joinBus,
  viewsCurrent,
} from '../../../actors/runtime/nats/process.ts';
import type { Job } from '../../../actors/runtime/ports.ts';
import { ID_HEADER, TYPE_HEADER } from '../../../actors/runtime/ports.ts';
import { agent } from '../../../edge-agent/actor.ts';
import type { InstanceReport, StartInput, StopInput } from '../../../edge-agent/jobs.ts';
import { keysOf } from '../../../edge-agent/keys.ts';
import {
  address,
  contentType,
  encode,
  type LogFrame,
  logFrame,
  PROTOCOL,
} from '../../../subjects/index.ts';

interface Running {
  readonly input: StartInput;
  readonly server: Server;
  readonly sockets: Set<Socket>;
  readonly report: (report: InstanceReport) => void;
}

type Answerer = (request: IncomingMessage, response: ServerResponse, instance: string) => void;

/** What an instance answers unless a test says otherwise: who it is, and what it was told. */
export const echo: Answerer = (request, response, instance) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const { method, url, headers } = request;
    const body = Buffer.concat(parts).toString('utf8');
    response.setHeader('content-type', 'application/json');
    response.setHeader('x-instance', instance);
    response.end(JSON.stringify({ instance, method, url, headers, body }));
  });
};

export class FakeNode {
  readonly id: string;
  readonly running = new Map<string, Running>();
  answer: Answerer = echo;
  readonly #bus: BusProcess;
  readonly #host: Host<never, never>;
  #frames = 0;
  #isLost = false;

  private constructor(id: string, bus: BusProcess) {
    this.id = id;
    this.#bus = bus;
    const options = {
      ports: bus.ports,
      views: bus.views,
      copy: id,
      log: silentLog,
      jobs: this.#jobs(),
    };
    this.#host = new Host(agent(id), options) as unknown as Host<never, never>;
  }

  static async start(id: string, url: string, seedFile: string): Promise<FakeNode> {
    const settings = { servers: [url], seedFile };
    const options = { log: silentLog, fanout: keysOf(id) };
    const bus = await joinBus(settings, { role: 'agent', name: id }, options);
    const node = new FakeNode(id, bus);
    await viewsCurrent(bus.views);
    node.#host.start();
    return node;
  }

  /**
   * As a machine without power: its agent is gone without a word, no instance takes a connection, and what
   * was connected neither answers nor ends. `isOnlyAgent`: instances go on, as where an agent dies alone.
   */
  async losePower(isOnlyAgent = false): Promise<void> {
    this.#isLost = true;
    await drainHosts([this.#host as unknown as Host], this.#bus);
    if (isOnlyAgent) return;
    for (const { server } of this.running.values()) server.close();
  }

  /** Ends the agent and what it runs. */
  async stop(): Promise<void> {
    if (this.#isLost) {
      for (const name of this.running.keys()) this.vanish(name);
      return;
    }
    for (const name of [...this.running.keys()]) this.crash(name);
    await drainHosts([this.#host as unknown as Host], this.#bus);
  }

  /** An instance's server is gone at once, and nobody has been told yet. */
  vanish(name: string): void {
    const running = this.running.get(name);
    running?.server.close();
    for (const socket of running?.sockets ?? []) socket.destroy();
  }

  /** No instance takes a connection, and nobody has been told; what is returned ends that. */
  async deaf(): Promise<() => Promise<void>> {
    const places = [...this.running.values()].map(({ server }) => {
      return { server, port: (server.address() as AddressInfo).port };
    });
    for (const name of this.running.keys()) this.vanish(name);
    return async () => {
      for (const { server, port } of places) {
        await new Promise<void>((resolve) => void server.listen(port, '127.0.0.1', resolve));
      }
    };
  }

  /** An instance ends by itself. */
  crash(name: string, exitCode = 1): void {
    const running = this.running.get(name);
    if (!running) return;
    this.vanish(name);
    this.running.delete(name);
    const { input, report } = running;
    report({
      kind: 'exited',
      name,
      run: input.run,
      exitCode,
      signal: undefined,
      message: undefined,
    });
  }

  /** Says a frame of lines as the agent's log reader would. */
  async print(
    of: { readonly workload: string; readonly instance: string; readonly tenant?: string },
    frame: { readonly first: number; readonly lines: readonly string[] } & Partial<
      Pick<LogFrame, 'epoch' | 'stream'>
    >,
  ): Promise<void> {
    const { tenant = 'default', workload, instance } = of;
    const { lines, ...rest } = frame;
    const at = Date.now();
    const body: LogFrame = {
      ...{ node: this.id, epoch: 1, stream: 'stdout', ...rest },
      lines: lines.map((text) => ({ at, text })),
    };
    const message = {
      subject: address(logFrame, { tenant, workload, instance }),
      body: encode(logFrame, body),
      headers: {
        [TYPE_HEADER]: contentType[logFrame.codec],
        [ID_HEADER]: `${this.id}-${++this.#frames}-${Math.random()}`,
      },
    };
    const isStored = await new Promise<boolean>((resolve) =>
      this.#bus.ports.bus.append('LOGS', message, resolve),
    );
    if (!isStored) throw new Error('the frame was not stored');
  }

  #jobs(): Record<string, Job> {
    return {
      facts: (_input, report) => report(this.#facts()),
      connection: (_input, report) => {
        const { info } = this.#bus.connection;
        report({ server: info?.server_id ?? '', client: info?.client_id ?? 0 });
      },
      measure: (_input, report) =>
        report({
          ...{ cpuMilli: 12, memoryBytes: 34, diskBytes: 56, loadAverage: 0.5 },
          ...{ receivedBytesPerSecond: 1, sentBytesPerSecond: 2, agentMemoryBytes: 78 },
        }),
      adopt: (_input, report) => report({ kind: 'found', found: [] }),
      start: (input, report) => this.#start(input as StartInput, report as never),
      stop: (input) => this.#end(input as StopInput),
      forget: () => undefined,
      relabel: () => undefined,
      reread: () => this.#bus.ports.fanout?.reread(),
      giveUp: () => undefined,
    };
  }

  #facts() {
    return {
      identity: `00000000-0000-0000-0000-${this.id.replace(/\D/g, '').padStart(12, '0')}`,
      ...{ class: 'steady', labels: { zone: this.id }, architecture: 'x64', platform: 'linux' },
      ...{ hostname: this.id, address: '127.0.0.1', agentVersion: '0.0.0', protocol: PROTOCOL },
      drivers: { process: { enforces: [], notEnforced: {} } },
      capacity: { cpuMilli: 4_000, memoryBytes: 4 * 2 ** 30, diskBytes: 2 ** 33 },
    };
  }

  #start(input: StartInput, report: (report: InstanceReport) => void): void {
    const sockets = new Set<Socket>();
    const server = createServer((request, response) =>
      this.answer(request, response, input.instance),
    );
    server.on('connection', (socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
    const webSockets = new WebSocketServer({ server });
    webSockets.on('connection', (socket, request) => {
      socket.send(
        JSON.stringify({ instance: input.instance, url: request.url, headers: request.headers }),
      );
      socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }));
    });
    this.running.set(input.name, { input, server, sockets, report });
    const { name, run } = input;
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      const names = input.spec.kind === 'service' ? input.spec.spec.ports : [];
      const ports = Object.fromEntries(names.map((each) => [each.name, port]));
      report({ kind: 'started', name, run, pid: 1, address: '127.0.0.1', ports, at: Date.now() });
      report({ kind: 'ready', name, run });
      const [what] = input.spec.spec.command;
      if (what === 'work') this.crash(name, 0);
    });
  }

  #end({ name }: StopInput): void {
    this.crash(name, 143);
  }
}
