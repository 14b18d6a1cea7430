/**
 * Makes sure that a demo of a whole fabric says each step with the seconds it took, and leaves nothing
 * behind however it ends: gone through, failed, interrupted, or with one of its programs dead.
 *
 * Exit codes: 0 all was shown; 1 a step failed: it is said which, why, and where the logs are; 130
 * and 143 stopped by SIGINT and SIGTERM.
 */
import { execFile, type PromiseWithChild } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { durabilityIn } from '../actors/runtime/durability-setting.ts';
import { reasonOf } from '../actors/runtime/reason.ts';
import { obtainServer } from '../nats/obtain.ts';
import { freePort } from '../nats/start.ts';
import { DemoApi } from './demo-api.ts';
import { Fabric } from './fabric.ts';
import { prepareFolder } from './folder.ts';
import { Layout, root } from './layout.ts';
import { endLeftovers } from './leftovers.ts';
import { exitCodeOf } from './once.ts';
import { claimRecord, removeRecord } from './record.ts';
import { capacityOf, portIn } from './settings.ts';

const call = promisify(execFile);
const READY_MS = 180_000;

/** What is shown: what it is called, on which nodes, and what there is to see once a fabric runs. */
export interface Shown {
  /** Its folder below STATE, or below `.shoal`. */
  readonly name: string;
  readonly nodes: readonly string[];
  /** Returns what is printed when all is stopped, if anything. */
  show(showing: Showing): Promise<string | undefined>;
}

export class Showing {
  readonly layout: Layout;
  readonly #shown: Shown;
  readonly #began = performance.now();
  #fabric: Fabric | undefined;
  #current = 'begin';
  #isClaimed = false;
  #typed: PromiseWithChild<unknown> | undefined;
  readonly #givenUp: Promise<never>;
  #giveUp: (reason: Error) => void = () => undefined;
  /** While it stays as it is: what a signal does instead. */
  #leave: (() => void) | undefined;

  constructor(shown: Shown) {
    this.#shown = shown;
    // What an earlier one left there goes.
    const below = resolve(process.env['STATE'] || join(root, '.shoal'));
    this.layout = new Layout(join(below, shown.name));
    this.#givenUp = new Promise<never>((_resolve, reject) => {
      this.#giveUp = reject;
    });
    // Also where nobody waits for it yet.
    this.#givenUp.catch(() => undefined);
  }

  /** The fabric, once it is prepared. */
  get fabric(): Fabric {
    if (!this.#fabric) throw new Error('there is no fabric yet');
    return this.#fabric;
  }

  /** Does one thing and prints what came of it, with its time. */
  async step<T>(what: string, act: () => Promise<readonly [string, T]>): Promise<T> {
    this.#current = what;
    const began = performance.now();
    const [told, value] = await act();
    process.stdout.write(`${secondsSince(began)}  ${told}\n`);
    return value;
  }

  /** Runs the command line as a person would; its words are the error when it fails. */
  async type(words: readonly string[]): Promise<void> {
    const environment = { ...process.env, SHOAL_GATEWAY: this.fabric.gatewayUrl };
    const all = [join(root, 'dist/cli/main.js'), ...words];
    try {
      this.#typed = call(process.execPath, all, { env: environment });
      await this.#typed;
    } catch (error) {
      const { stderr } = error as { readonly stderr?: string };
      throw new Error(stderr?.trim() || String(error));
    }
  }

  /** Says what there is to look at, and stays until a signal. */
  stay(told: string): Promise<void> {
    process.stdout.write(`${told}\n`);
    return new Promise((resolve) => {
      this.#leave = resolve;
    });
  }

  /** Shows it from beginning to end, and ends this process. */
  async run(): Promise<never> {
    // All of them, however often: stopping is bounded, and must not be stopped half-way.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
      process.on(signal, () =>
        this.#leave ? this.#leave() : this.#giveUp(new Interrupted(signal)),
      );
    }
    process.on('uncaughtException', (error) => this.#giveUp(error));
    // Who reads with `head` has seen enough.
    process.stdout.on('error', () => this.#giveUp(new Error('nobody reads what it says')));
    process.stderr.on('error', () => undefined);
    try {
      const last = await Promise.race([this.#show(), this.#givenUp]);
      await removeRecord(this.layout.record);
      process.stdout.write(`${secondsSince(this.#began)}  in all\n`);
      if (last !== undefined) process.stdout.write(last);
      process.exit(0);
    } catch (error) {
      return this.#fail(error);
    }
  }

  async #show(): Promise<string | undefined> {
    const server = await this.step('obtain nats-server', async () => {
      const found = await obtainServer();
      return [`nats-server ${found.version} (${found.source})`, found];
    });
    this.#current = 'prepare a folder';
    const own = await this.#newFabric(server.path);
    await prepareFolder(this.layout.folder);
    await this.#claim(own);
    this.#fabric = own;
    await this.step('start the bus', async () => {
      await own.prepare();
      await own.startNats();
      return [`bus ready at ${own.natsUrl}`, undefined];
    });
    await this.step('start the control plane', async () => {
      await own.startControl();
      const { level } = own.settings.durability;
      return [
        `control plane ready: membership, scheduler, workload; durability ${level}`,
        undefined,
      ];
    });
    const { nodes } = this.#shown;
    await this.step('start gateway and agents', async () => {
      await Promise.all([own.startGateway(), ...nodes.map((node) => own.startAgent(node))]);
      await new DemoApi(own).nodesReady(nodes.length, READY_MS);
      return [`gateway ready at ${own.gatewayUrl}, ${nodes.length} nodes ready`, undefined];
    });
    const last = await this.#shown.show(this);
    await this.step('stop', async () => {
      await own.stop();
      return ['stopped everything', undefined];
    });
    return last;
  }

  /** Makes this demo the only one in its folder, and ends and clears away what is there of earlier ones. */
  async #claim({ natsUrl, gatewayUrl, ingressUrl }: Fabric): Promise<void> {
    const { layout } = this;
    await claimRecord(layout.record, {
      ...{ pid: process.pid, natsUrl, gatewayUrl, ingressUrl, nodes: [...this.#shown.nodes] },
      ...{ startedAt: new Date().toISOString(), isReady: false },
    });
    this.#isClaimed = true;
    await endLeftovers(layout, []);
    for (const part of [layout.nats, layout.keys, layout.logs, layout.agents]) {
      await rm(part, { recursive: true, force: true });
    }
  }

  async #newFabric(server: string): Promise<Fabric> {
    const durability = durabilityIn(process.env);
    const servers = [];
    for (let index = 0; index < durability.servers; index++) {
      // One that was chosen is the first server's; the others take those that follow.
      const ofServer = async (name: string): Promise<number> => {
        const chosen = portIn(process.env, name, undefined);
        return chosen === undefined ? freePort() : chosen + index;
      };
      servers.push({
        nats: await ofServer('SHOAL_NATS_PORT'),
        monitor: await ofServer('SHOAL_MONITOR_PORT'),
        cluster: await ofServer('SHOAL_CLUSTER_PORT'),
      });
    }
    const ports = {
      gateway: await chosenPort('SHOAL_GATEWAY_PORT'),
      ingress: await chosenPort('SHOAL_INGRESS_PORT'),
    };
    const { nodes } = this.#shown;
    return new Fabric({
      ...{ folder: this.layout.folder, server, servers, ports, nodes, durability },
      ...{ capacity: capacityOf(nodes.length), isKept: false },
      ended: (name, how) => this.#giveUp(new Error(`${name} ${how} by itself`)),
    });
  }

  /** Says what failed, stops everything, ends the process. */
  async #fail(error: unknown): Promise<never> {
    tell(`failed to ${this.#current}: ${reasonOf(error)}`);
    let code = error instanceof Interrupted ? exitCodeOf(error.signal) : 1;
    try {
      this.#typed?.child.kill('SIGKILL');
      await this.#typed?.catch(() => undefined);
      if (this.#fabric) {
        tell(`logs: ${this.layout.logs}`);
        await this.#fabric.stop();
        tell('stopped everything');
      }
      if (this.#isClaimed) await removeRecord(this.layout.record);
    } catch (trouble) {
      tell(`could not stop everything: ${String(trouble)}; the next demo does`);
      code = 1;
    }
    process.exit(code);
  }
}

/** A port somebody chose, or any that is free. */
export async function chosenPort(name: string): Promise<number> {
  return portIn(process.env, name, undefined) ?? (await freePort());
}

class Interrupted extends Error {
  readonly signal: NodeJS.Signals;

  constructor(signal: NodeJS.Signals) {
    super(`interrupted by ${signal}`);
    this.signal = signal;
  }
}

function secondsSince(began: number): string {
  return `${((performance.now() - began) / 1000).toFixed(1).padStart(6)}s`;
}

function tell(line: string): void {
  process.stderr.write(`${line}\n`);
}
