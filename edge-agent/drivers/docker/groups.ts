/**
 * Makes sure that the parts of an instance with sidecars share one network for as long as any of them
 * is there (docs/decisions/0029). What runs is the runs' business; here it is known whose containers are in
 * which network, and that of an instance goes after the last of them.
 *
 * N1  A part's container is made only when the network runs, and in that one.
 * N2  An instance has one network at most: its container has one name. Another one is made only when
 *     nothing is in the last one any more. One whose end was asked for is used no more, whatever is seen of it.
 * N3  The network goes when nothing is in it any more, before the last end is told: whoever is told may
 *     want its ports. What cannot be removed then is met by the sweep.
 * N4  A network that is gone is of no use to what runs in it: all of that is ended, and told why, so that
 *     the runner starts it anew, in order.
 */
import type { Log } from '../../../actors/runtime/log.ts';
import { spanMs } from '../../../subjects/index.ts';
import { hasSidecars, instanceOf, programOf, sidecarPart } from '../../parts.ts';
import type { Kept } from '../run-folder.ts';
import { containerName, type End, LABELS } from './container.ts';
import type { Engine } from './engine.ts';
import { holderName, holdNetwork } from './group-network.ts';
import type { Left } from './left.ts';
import { removeContainer } from './remove.ts';
import type { Run } from './run.ts';

/** A container in a network. */
interface Member {
  readonly part: string;
  /** It has ended, and is being removed. */
  isEnding: boolean;
  /** The network it is in is gone. */
  isLost: boolean;
  readonly gone: Promise<void>;
  leave(): void;
}

/** The network of one instance. */
interface Group {
  /** By the names of their containers; from before they are made until they are removed. */
  readonly inside: Map<string, Member>;
  /** How often it was made: what was seen of it before tells nothing about it. */
  made: number;
  /** Its end was asked for: an engine may take its time over that, or not answer. */
  isEnded: boolean;
  /** Resolves when nobody is removing it. */
  removing: Promise<void>;
}

/** What a run that is one of several parts asks for; nothing of it rejects. */
export interface GroupPart {
  /** An end, with the reason that only its network knows. */
  explained(end: End): End;
  /** It has ended, and nobody knows yet: the last one takes the network along. */
  closing(): Promise<void>;
  /** Its container was removed, as far as it could be. */
  gone(): Promise<void>;
}

export interface GroupsAround {
  readonly engine: Engine;
  readonly agent: string;
  readonly runs: ReadonlyMap<string, Run>;
  readonly kept: ReadonlyMap<string, Kept>;
  readonly left: Left;
  readonly log: Log;
}

export class Groups {
  readonly #of: GroupsAround;
  /** By `<tenant>.<instance>`. */
  readonly #groups = new Map<string, Group>();

  constructor(of: GroupsAround) {
    this.#of = of;
  }

  /**
   * Makes sure that the network of a part that is to be started runs, and that it stays until
   * `left`; the name of its container, or undefined where the instance has no sidecars. Throws with why not.
   */
  async enter(
    { input, address, ports }: Kept,
    of: { readonly stop: AbortSignal; obtain(): Promise<void> },
  ): Promise<string | undefined> {
    if (!hasSidecars(input)) return undefined;
    const { engine, agent } = this.#of;
    const instance = instanceOf(input.name);
    const holder = holderName(agent, instance);
    const group = this.#groupOf(instance);
    const own = this.#join(group, input);
    await group.removing;
    const isUsed = !group.isEnded && this.#inside(group).length > 0;
    if (isUsed && (await this.#isHeld(instance))) return holder;
    await this.#lose(group);
    const gone = Promise.all(this.#inside(group).map(([, { gone: each }]) => each));
    await Promise.race([gone, aborted(of.stop)]);
    if (of.stop.aborted) throw new Error('told to stop before it was started');
    // What earlier starts may have left would be in the old one.
    const { sidecars = [] } = input.spec.spec;
    for (const part of [instance, ...sidecars.map(({ name }) => sidecarPart(instance, name))]) {
      await this.#of.left.end(part);
    }
    for (const [container, each] of group.inside) if (each !== own) group.inside.delete(container);
    await removeContainer(engine, holder);
    group.made++;
    group.isEnded = false;
    const image = programOf(input).image ?? '';
    await holdNetwork(engine, { ...of, agent, input, address, ports, image });
    return holder;
  }

  /** What a run is asked to tell; undefined: its instance has no sidecars. */
  partOf({ input }: Kept): GroupPart | undefined {
    if (!hasSidecars(input)) return undefined;
    const group = this.#groupOf(instanceOf(input.name));
    const container = containerName(this.#of.agent, input);
    const member = this.#join(group, input);
    return {
      explained: (end) => (member.isLost ? { ...end, exitCode: undefined, message: LOST } : end),
      closing: () => this.#closing(instanceOf(input.name), container),
      gone: () => this.left(input),
    };
  }

  /** A container of a part is not there any more, or never was: the last one takes the network along. */
  async left(input: Kept['input']): Promise<void> {
    const instance = instanceOf(input.name);
    const group = this.#groups.get(instance);
    if (!group) return;
    const container = containerName(this.#of.agent, input);
    group.inside.get(container)?.leave();
    group.inside.delete(container);
    await this.#removeUnused(instance, group);
  }

  /** Whether any part of an instance with sidecars runs. */
  isUsed(instance: string): boolean {
    const group = this.#groups.get(instance);
    return group !== undefined && this.#inside(group).some(([, , run]) => !run.isOver);
  }

  /** The container of a network has ended, or may have. */
  async look(instance: string): Promise<void> {
    const group = this.#groups.get(instance);
    if (!group || group.inside.size === 0) return;
    const { made } = group;
    const isHeld = await this.#isHeld(instance).catch(() => true);
    if (!isHeld && group.made === made) await this.#lose(group);
  }

  /** Looks at all that something is in, and removes what could not be removed. Never rejects. */
  async lookAll(): Promise<void> {
    const all = [...this.#groups].map(async ([instance, group]) => {
      await this.#removeUnused(instance, group);
      await this.look(instance);
    });
    await Promise.all(all);
  }

  /** Removes networks nothing is in, and looks at what is in none. Rejects while the engine does not answer. */
  async sweep(): Promise<void> {
    const { engine, agent, log } = this.#of;
    const holders = await engine.list(`${LABELS.holder}=${agent}`);
    const held = new Set<string>();
    for (const { Labels: labels, State: state } of holders) {
      const instance = labels[LABELS.name] ?? '';
      if (state === 'running') held.add(instance);
      const group = this.#groupOf(instance);
      if (group.inside.size > 0) continue;
      log.warn('a network nothing is in is removed', { instance });
      await this.#removeUnused(instance, group);
    }
    for (const instance of this.#groups.keys()) {
      if (!held.has(instance)) await this.look(instance);
    }
  }

  #groupOf(instance: string): Group {
    const known = this.#groups.get(instance);
    if (known) return known;
    const group = { inside: new Map(), made: 0, isEnded: false, removing: Promise.resolve() };
    this.#groups.set(instance, group);
    return group;
  }

  #join(group: Group, input: Kept['input']): Member {
    const container = containerName(this.#of.agent, input);
    const known = group.inside.get(container);
    if (known) return known;
    let leave = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      leave = resolve;
    });
    const member = { part: input.name, isEnding: false, isLost: false, gone, leave };
    group.inside.set(container, member);
    return member;
  }

  async #closing(instance: string, container: string): Promise<void> {
    const group = this.#groups.get(instance);
    const own = group?.inside.get(container);
    if (!group || !own) return;
    own.isEnding = true;
    const end = async (): Promise<void> => {
      if (![...group.inside.values()].every((each) => each.isEnding)) return;
      group.isEnded = true;
      await this.#end(instance);
    };
    group.removing = group.removing.then(end).catch(() => undefined);
    await group.removing;
  }

  /** Ends a network: its ports are free then. What is in it has ended, and may not be removed yet. */
  async #end(instance: string): Promise<void> {
    const { engine, agent } = this.#of;
    await engine.kill(holderName(agent, instance), 'SIGKILL').catch(() => undefined);
    const until = performance.now() + END_MS;
    while (performance.now() < until && (await this.#isHeld(instance))) await pause(LOOK_MS);
  }

  /** Never rejects: what stays is met by the sweep, or by the next start. */
  #removeUnused(instance: string, group: Group): Promise<void> {
    const { engine, agent } = this.#of;
    const remove = async (): Promise<void> => {
      if (group.inside.size > 0) return;
      await removeContainer(engine, holderName(agent, instance));
      if (group.inside.size === 0) this.#groups.delete(instance);
    };
    group.removing = group.removing.then(remove).catch(() => undefined);
    return group.removing;
  }

  /** Whether the network of an instance is there. */
  async #isHeld(instance: string): Promise<boolean> {
    const { engine, agent } = this.#of;
    return (await engine.inspect(holderName(agent, instance)))?.State.Running === true;
  }

  /** Containers in a network that runs hold, with those: others are what starts that failed have left. */
  #inside({ inside }: Group): readonly (readonly [Kept, Member, Run])[] {
    const { runs, kept, agent } = this.#of;
    return [...inside].flatMap(([container, member]) => {
      const [run, its] = [runs.get(member.part), kept.get(member.part)];
      const isHeld = run?.number === its?.input.run && its !== undefined;
      return run && isHeld && containerName(agent, its.input) === container && !run.isDone
        ? [[its, member, run] as const]
        : [];
    });
  }

  /** Ends all that is in a network that is gone. */
  async #lose(group: Group): Promise<void> {
    for (const [{ input }, member, run] of this.#inside(group)) {
      if (member.isLost) continue;
      // What has ended by itself did so for its own reasons.
      await run.look();
      if (run.isOver) continue;
      this.#of.log.warn(LOST, { instance: member.part });
      member.isLost = true;
      run.stop(spanMs(programOf(input).grace));
    }
  }
}

/** How long a network may take to end, in milliseconds: then the end of the last part is told all the same. */
const END_MS = 2_000;
/** How often it is looked whether it has, in milliseconds. */
const LOOK_MS = 20;

const LOST = 'ended by its agent: the container that held its network is gone';

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
