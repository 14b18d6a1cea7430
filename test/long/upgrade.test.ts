/**
 * A site is upgraded program by program, and taken back, while it works: nothing that runs is
 * restarted, everything acknowledged comes true, and no program stumbles over what another wrote.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ask } from '../../actors/runtime/ask.ts';
import { programsIn, root } from '../../local/layout.ts';
import { PROTOCOL, wantedSchema, workloadApply, workloadScale } from '../../subjects/index.ts';
import {
  type Build,
  buildOf,
  CODE_OF_TOMORROW,
  COUNT_OF_TOMORROW,
  hasCommit,
  NOUN_OF_TOMORROW,
  nextBuild,
} from '../support/builds.ts';
import { EXTRA } from '../support/extended.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

/** The last commit before programs of two versions were made to work together. */
const BEFORE = 'd4e8cc5';
const STEADY = 4;
const NODES = ['n1', 'n2'];
const here = programsIn(root);

/** Callers that never stop: they scale one workload up and down and remember what was promised. */
class Callers {
  readonly #under: FabricUnderTest;
  readonly #count = new Map<string, number>();
  /** Calls that were acknowledged. */
  acknowledged = 0;
  #isOpen = true;
  /** What is scaled all the time: it can be looked at when that has ended. */
  #moving: string | undefined;
  #done: Promise<void> = Promise.resolve();

  constructor(under: FabricUnderTest) {
    this.#under = under;
  }

  async apply(workload: string, count: number): Promise<void> {
    const spec = { count, command: ['sleep', '600'], grace: '1s' };
    const wanted = wantedSchema.parse({ kind: 'service', spec });
    const tokens = { tenant: 'default', workload };
    const put = async () => {
      const { ports } = this.#under.bus;
      return (await ask(ports, workloadApply, tokens, { wanted, mode: 'put' })).answer.ok;
    };
    await eventually(put, 30_000, `an acknowledgement for ${workload}`);
    this.#count.set(workload, count);
    this.acknowledged++;
  }

  /** By the bus, and by the gateway where it is there at the moment. */
  begin(workload: string): void {
    this.#moving = workload;
    this.#done = (async () => {
      for (let turn = 0; this.#isOpen; turn++) {
        const count = 1 + (turn % 4);
        const isDone = turn % 2 === 0 ? this.#byBus(workload, count) : this.#byApi(workload, count);
        if (await isDone) {
          this.#count.set(workload, count);
          this.acknowledged++;
        } else {
          // It may have been done without a word: the next one says anew what is wanted.
          this.#count.delete(workload);
        }
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })();
  }

  async end(): Promise<void> {
    this.#isOpen = false;
    await this.#done;
  }

  /** What was acknowledged last is what there is. */
  async expectKept(): Promise<void> {
    for (const [workload, count] of this.#count) {
      if (workload === this.#moving && this.#isOpen) continue;
      const isKept = () => this.#under.ready(workload).length === count;
      await eventually(isKept, 20_000, `${count} of ${workload}`);
    }
  }

  async #byBus(workload: string, count: number): Promise<boolean> {
    const tokens = { tenant: 'default', workload };
    return (await ask(this.#under.bus.ports, workloadScale, tokens, { count })).answer.ok;
  }

  async #byApi(workload: string, count: number): Promise<boolean> {
    return (await scaleByApi(this.#under, workload, count))?.status === 200;
  }
}

async function scaleByApi(under: FabricUnderTest, workload: string, count: number) {
  const url = `${under.fabric.gatewayUrl}/api/v1/workloads/${workload}/scale`;
  const headers = { 'content-type': 'application/json' };
  const call = fetch(url, { method: 'POST', headers, body: JSON.stringify({ count }) });
  return call.catch(() => undefined);
}

interface Versions {
  readonly gateway: { readonly protocol: number };
  readonly control: readonly { readonly protocol: number; readonly acts: boolean }[];
  readonly agents: readonly { readonly protocol: number; readonly nodes: number }[];
}

async function versions(under: FabricUnderTest): Promise<Versions> {
  return (await (await fetch(`${under.fabric.gatewayUrl}/version`)).json()) as Versions;
}

/** What programs complained of: errors, and values or messages they could not read. */
async function complaints(under: FabricUnderTest): Promise<readonly string[]> {
  const { logs } = under.fabric.layout;
  const found: string[] = [];
  let lines = 0;
  for (const name of await readdir(logs)) {
    if (name.startsWith('nats')) continue;
    for (const line of (await readFile(join(logs, name), 'utf8')).split('\n')) {
      if (!line.startsWith('{')) {
        if (line !== '') found.push(`${name}: ${line}`);
        continue;
      }
      lines++;
      const { level, msg } = JSON.parse(line) as { level: number; msg: string };
      if (level >= 50 || /cannot be read/.test(msg)) found.push(`${name}: ${line}`);
    }
  }
  expect(lines).toBeGreaterThan(10);
  return found;
}

/** One fabric: started with one build, upgraded to another and taken back. */
class Site {
  readonly under: FabricUnderTest;
  readonly callers: Callers;
  #pids: ReadonlyMap<string, number | undefined> = new Map();

  constructor(under: FabricUnderTest) {
    this.under = under;
    this.callers = new Callers(under);
  }

  async begin(): Promise<void> {
    await this.callers.apply('steady', STEADY);
    await this.callers.apply('moving', 1);
    await eventually(() => this.under.ready('steady').length === STEADY, 20_000, 'steady');
    this.#pids = this.#steady();
    this.callers.begin('moving');
  }

  /** Replaces one program by the one of another build, as its supervisor would. */
  async replace(name: string, build: string): Promise<void> {
    const { fabric } = this.under;
    fabric.programs = programsIn(build);
    await fabric.child(name).stop();
    if (name === 'gateway') await fabric.startGateway();
    else if (name.startsWith('agent-')) await fabric.startAgent(name.slice('agent-'.length));
    else await fabric.startControl(name);
    // The fabric does its work with what runs now.
    await this.callers.apply(`after-${fabric.controls.length}-${++this.#replaced}`, 1);
    await this.callers.expectKept();
    this.expectUntouched();
  }
  #replaced = 0;

  /** What ran at the beginning runs still: the same processes, never restarted. */
  expectUntouched(): void {
    expect(this.#steady()).toEqual(this.#pids);
    for (const each of this.under.ready('steady')) {
      expect(this.under.seen(each)?.restarts).toBe(0);
    }
  }

  #steady(): ReadonlyMap<string, number | undefined> {
    const ready = this.under.ready('steady');
    return new Map(
      ready.map((each) => [each.instance, this.under.seen(each)?.pid] as const).sort(),
    );
  }
}

const site = async (programs = here): Promise<Site> => {
  // A steady node that is silent for three seconds is replaced; on a machine with much else to do
  // a program may take that long to start.
  const options = { copies: 2, onStop: 'leave', nodeClass: 'gateway', programs } as const;
  const made = new Site(await fabricUnderTest(NODES, options));
  await made.begin();
  return made;
};

const ORDER = ['control-2', 'control', 'gateway', 'agent-n1', 'agent-n2'];

describe('from this version to the next, and back', () => {
  let at: Site;
  let next: Build;

  beforeAll(async () => {
    next = nextBuild();
    at = await site();
  });
  afterAll(async () => {
    await at?.callers.end();
    await at?.under[Symbol.asyncDispose]();
    next?.[Symbol.dispose]();
  });

  test.each(ORDER)('%s is upgraded', async (name) => {
    await at.replace(name, next.folder);
  });

  test('everything is of the next version then, and says so', async () => {
    // An agent is ready to start things a moment before its join is written down.
    const isJoined = async () => (await versions(at.under)).agents.length === 1;
    await eventually(isJoined, 20_000, 'the joins of both agents');
    expect(await versions(at.under)).toMatchObject({
      gateway: { protocol: 2 },
      control: [{ protocol: 2 }, { protocol: 2 }],
      agents: [{ protocol: 2, nodes: 2, offline: 0 }],
    });
    await at.callers.apply('of-tomorrow', 2);
    const record = at.under.workloads.get({ tenant: 'default', workload: 'of-tomorrow' });
    expect(record).toMatchObject({ [EXTRA]: 1, spec: { [EXTRA]: 1, resources: { [EXTRA]: 1 } } });
  });

  test.each(ORDER.toReversed())('%s is taken back', async (name) => {
    await at.replace(name, root);
    if (name !== 'gateway') return;
    // The control plane is of the next version still: what it says no with is passed on.
    const refused = await scaleByApi(at.under, 'of-tomorrow', COUNT_OF_TOMORROW);
    expect(refused?.status).toBe(429);
    expect(await refused?.json()).toMatchObject({ code: CODE_OF_TOMORROW, retry: 'later' });
    const events = await fetch(`${at.under.fabric.gatewayUrl}/api/v1/events?id=of-tomorrow`);
    const { items } = (await events.json()) as { items: { noun: string; verb: string }[] };
    expect(items).toContainEqual(
      expect.objectContaining({ noun: NOUN_OF_TOMORROW, verb: 'reached' }),
    );
  });

  test('this version writes again what the next one wrote, and loses nothing of it', async () => {
    const before = at.under.workloads.get({ tenant: 'default', workload: 'of-tomorrow' });
    const nodes = NODES.map((node) => at.under.nodes.get({ node }));
    expect(await scaleByApi(at.under, 'of-tomorrow', 3)).toMatchObject({ status: 200 });
    await eventually(() => at.under.ready('of-tomorrow').length === 3, 20_000, 'three');
    const after = at.under.workloads.get({ tenant: 'default', workload: 'of-tomorrow' });
    expect(after).toEqual({
      ...before,
      generation: (before?.generation ?? 0) + 1,
      spec: { ...before?.spec, count: 3 },
      last: expect.objectContaining({ verb: 'scaled' }),
    });
    for (const node of nodes) expect(node).toMatchObject({ [EXTRA]: 1, protocol: 1 });
    // In the words of this version: the same again changes nothing, and takes nothing back.
    await at.callers.apply('of-tomorrow', 3);
    expect(at.under.workloads.get({ tenant: 'default', workload: 'of-tomorrow' })).toEqual(after);
  });

  test('all that was acknowledged came true, and nobody complained', async () => {
    await at.callers.end();
    await at.callers.expectKept();
    at.expectUntouched();
    expect(at.callers.acknowledged).toBeGreaterThan(30);
    expect([...at.under.instances.entries()].filter((each) => each.value.failures > 0)).toEqual([]);
    expect(at.under.bus.views.unreadable).toBe(0);
    expect(await complaints(at.under)).toEqual([]);
  });
});

describe('a program two versions away', () => {
  let at: Site;
  let far: Build;

  beforeAll(async () => {
    far = nextBuild(PROTOCOL + 2);
    at = await site();
    await at.callers.end();
  });
  afterAll(async () => {
    await at?.under[Symbol.asyncDispose]();
    far?.[Symbol.dispose]();
  });

  test.each(['control-2', 'gateway'])(
    '%s does not start, and says what to upgrade',
    async (name) => {
      const { fabric } = at.under;
      await fabric.child(name).stop();
      fabric.programs = programsIn(far.folder);
      const start = name === 'gateway' ? fabric.startGateway() : fabric.startControl(name);
      await expect(start).rejects.toThrow(
        /control plane control-.* speaks protocol 1, this .* 3: upgrade control plane control-.* to protocol 2 first, or take this/,
      );
      fabric.programs = here;
      await (name === 'gateway' ? fabric.startGateway() : fabric.startControl(name));
    },
  );

  test('an agent is not taken in: its node shows why, and what it runs goes on', async () => {
    const { under } = at;
    under.fabric.programs = programsIn(far.folder);
    await under.fabric.child('agent-n1').stop();
    await under.fabric.startAgent('n1');
    const shown = () => under.nodes.get({ node: 'n1' })?.last;
    await eventually(() => shown()?.verb === 'kept-out', 20_000, 'that n1 is kept out');
    expect(shown()?.message).toMatch(/n1 speaks protocol 3, this control plane 1: upgrade this/);
    expect(under.nodes.get({ node: 'n1' })).toMatchObject({ liveness: 'suspect', protocol: 3 });
    expect(under.ledgers.get({ node: 'n1' })?.accepts).toBe('suspect');
    await at.callers.apply('elsewhere', 2);
    await at.callers.expectKept();
    expect(under.ready('elsewhere').map((each) => each.node)).toEqual(['n2', 'n2']);
    at.expectUntouched();
    const complaint = async () =>
      (await complaints(under)).filter((each) => each.startsWith('agent-n1'));
    await eventually(async () => (await complaint()).length > 0, 10_000, 'its complaint');
    expect(await complaint()).toHaveLength(1);
    expect((await complaint())[0]).toContain('this agent is not taken in; what runs here goes on');
  });

  test('its agent of this version is taken in again', async () => {
    const { under } = at;
    under.fabric.programs = here;
    await under.fabric.child('agent-n1').stop();
    await under.fabric.startAgent('n1');
    const isReady = () => under.ledgers.get({ node: 'n1' })?.accepts === 'yes';
    await eventually(isReady, 20_000, 'n1');
    at.expectUntouched();
  });
});

/** Without history there is nothing to build. */
const canBuild = hasCommit(BEFORE);
if (!canBuild) {
  process.stderr.write(`skipped: upgrade from ${BEFORE}, for this checkout has not that commit\n`);
}

describe.skipIf(!canBuild)('from the version before this one, and back', () => {
  let at: Site;
  let before: Build;

  beforeAll(async () => {
    before = buildOf(BEFORE) as Build;
    at = await site(programsIn(before.folder));
  });
  afterAll(async () => {
    await at?.callers.end();
    await at?.under[Symbol.asyncDispose]();
    before?.[Symbol.dispose]();
  });

  test.each(ORDER)('%s is upgraded', async (name) => {
    await at.replace(name, root);
  });

  test.each(ORDER.toReversed())('%s is taken back', async (name) => {
    await at.replace(name, before.folder);
  });

  test('all that was acknowledged came true, and nobody complained', async () => {
    await at.callers.end();
    await at.callers.expectKept();
    at.expectUntouched();
    expect(at.callers.acknowledged).toBeGreaterThan(30);
    expect(await complaints(at.under)).toEqual([]);
  });
});
