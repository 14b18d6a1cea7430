/** Actors keep to the contracts: they say, write and hear what their role may, and all is in use. */
import { describe, expect, test } from 'vitest';
import { actors } from '../../actors/main.ts';
import { type Actor, defineActor, type Follow, follow, on } from '../../actors/runtime/actor.ts';
import { none } from '../../actors/runtime/effect.ts';
import { agent } from '../../edge-agent/actor.ts';
import {
  busPulse,
  type Contract,
  debugFrame,
  debugSwitch,
  leaseProbe,
  leaseRecord,
  ledgerRecord,
  messages,
  nodeBeat,
  nodePrompt,
  observedRecord,
  type RecordContract,
  type Role,
  records,
  sessionControl,
  sessionOut,
  workloadApply,
  workloadRecord,
} from '../../subjects/index.ts';
import { sources } from '../support/sources.ts';

const followed = (actor: Actor): readonly RecordContract[] =>
  (Object.values(actor.follows) as readonly Follow<unknown, unknown>[]).map((each) => each.record);

interface Placed {
  readonly actor: Actor;
  readonly role: Role;
  readonly folder: string;
}

const placed: readonly Placed[] = [
  ...actors().map((actor): Placed => ({ actor, role: 'control', folder: `actors/${actor.name}` })),
  { actor: agent('n1') as unknown as Actor, role: 'agent', folder: 'edge-agent' },
];

/** What an actor declares beyond what its role may. */
function overstepped({ actor, role }: Pick<Placed, 'actor' | 'role'>): readonly string[] {
  const may = (verb: string, all: readonly Contract[], side: 'from' | 'to'): string[] =>
    all
      .filter((contract) => !contract[side].includes(role))
      .map((contract) => `${actor.name} ${verb} ${contract.name}, which ${role} may not`);
  const asked = actor.publishes.filter((contract) => contract.kind === 'request');
  const unasked = Object.keys(actor.answers).filter(
    (name) => !asked.some((contract) => contract.name === name),
  );
  const unheard = asked.filter((contract) => !actor.answers[contract.name]);
  return [
    ...may('publishes', actor.publishes, 'from'),
    ...may('writes', actor.writes, 'from'),
    ...may(
      'takes',
      actor.routes.map((route) => route.contract),
      'to',
    ),
    ...may('follows', followed(actor), 'to'),
    ...unasked.map(
      (name) => `${actor.name} has a step for answers to ${name}, which it never asks`,
    ),
    ...unheard.map((each) => `${actor.name} asks ${each.name} and has no step for its answers`),
  ];
}

describe.each(placed.map((each) => [each.actor.name, each] as const))('%s', (_, each) => {
  test('keeps to its role', () => {
    expect(overstepped(each)).toEqual([]);
  });

  test('says in one sentence what would be missing without it', () => {
    expect(each.actor.sentence).toMatch(/^Makes sure that [^\n]{10,100}\.$/);
  });

  test('stands in its folder, its state beside it', async () => {
    const paths = (await sources()).map((source) => source.path);
    expect(paths).toContain(`${each.folder}/actor.ts`);
    expect(paths).toContain(`${each.folder}/state.ts`);
  });

  test('takes each message once', () => {
    const names = each.actor.routes.map((route) => route.contract.name);
    expect(new Set(names).size).toBe(names.length);
  });
});

describe('every actor', () => {
  test('that has a folder is started', async () => {
    const folders = (await sources())
      .map(({ path }) => /^(actors\/(?!runtime\/)[^/]+)\/actor\.ts$/.exec(path)?.[1])
      .filter((folder) => folder !== undefined);
    expect(folders.sort()).toEqual(
      actors()
        .map((actor) => `actors/${actor.name}`)
        .sort(),
    );
  });
});

/** What the runtime says and hears by itself, for every actor. */
const ofTheRuntime: ReadonlySet<string> = new Set([
  leaseProbe.name,
  leaseRecord.name,
  busPulse.name,
  debugSwitch.name,
  debugFrame.name,
]);

/** What an agent's shells say: bulk bytes never pass through steps (R8). */
const ofShells: ReadonlySet<string> = new Set([
  ...['log', 'log.sidecar'],
  ...[sessionOut.name, sessionControl.name],
]);

describe('every contract', () => {
  const all = placed.map((each) => each.actor);
  const takers = (contract: Contract): readonly Actor[] =>
    all.filter((actor) => actor.routes.some((route) => route.contract === contract));

  test('that is asked or queued is taken by one actor', () => {
    for (const contract of messages) {
      if (contract.kind === 'event' || ofTheRuntime.has(contract.name)) continue;
      const names = takers(contract).map((actor) => actor.name);
      expect(names, contract.name).toHaveLength(1);
    }
  });

  test('that only actors say is said by one', () => {
    for (const contract of messages) {
      const roles = contract.from.filter((role) => role === 'control' || role === 'agent');
      if (roles.length === 0 || ofShells.has(contract.name)) continue;
      if (ofTheRuntime.has(contract.name)) continue;
      const saying = all.filter((actor) => actor.publishes.includes(contract));
      expect(saying.length, contract.name).toBeGreaterThan(0);
    }
  });

  test('of a record is written and followed', () => {
    for (const record of records) {
      if (ofTheRuntime.has(record.name)) continue;
      expect(
        all.some((actor) => actor.writes.includes(record)),
        record.name,
      ).toBe(true);
      const isFollowed = all.some((actor) => followed(actor).includes(record));
      expect(isFollowed, record.name).toBe(true);
    }
  });

  test('is said by somebody and heard by somebody', () => {
    for (const contract of [...messages, ...records]) {
      expect(contract.to.length, contract.name).toBeGreaterThan(0);
      const isServers = contract.name === 'bus.disconnected';
      expect(contract.from.length > 0, contract.name).toBe(!isServers);
    }
  });

  test('of a tenant’s thing carries the tenant; of a node’s reading, the node first', () => {
    for (const contract of [...messages, ...records]) {
      const { names, text } = contract.subject;
      const isOwned = names.some((name) => ['workload', 'instance', 'host'].includes(name));
      if (isOwned) expect(names, contract.name).toContain('tenant');
      if (contract.kind === 'record' && contract.to.includes('agent')) {
        expect(text, contract.name).toMatch(/^for\.\{node\}\./);
      }
      if (contract.kind !== 'record') expect(text, contract.name).toMatch(/^shoal\./);
    }
  });

  test('has a sentence and a limit the server takes', () => {
    for (const contract of [...messages, ...records]) {
      expect(contract.summary, contract.name).toMatch(/^[A-Z].{10,118}\.$/);
      expect(contract.bytesMax, contract.name).toBeLessThanOrEqual(1_048_576 - 65_536);
    }
  });
});

describe('the check can fail', () => {
  const actor = (more: Partial<Actor>): Actor =>
    defineActor({
      ...{ name: 'pool', sentence: 'Makes sure that x.', init: () => ({}), routes: [] },
      ...{ follows: {}, publishes: [], writes: [] },
      ...more,
    }) as unknown as Actor;

  test.each([
    ['publishes what is the agent’s', { publishes: [nodeBeat] }],
    ['writes what is the agent’s', { writes: [{ ...observedRecord, from: ['agent'] }] }],
    ['takes what is for agents', { routes: [on(nodePrompt, () => none)] }],
    ['asks without a step for the answer', { publishes: [workloadApply] }],
    ['has a step for an answer nobody asked for', { answers: { 'node.join': () => none } }],
  ])('an actor of the control plane that %s', (_, more) => {
    expect(overstepped({ actor: actor(more as Partial<Actor>), role: 'control' })).not.toEqual([]);
  });

  test.each([
    ['writes what is wanted', { writes: [ledgerRecord] }],
    ['follows what tenants want', { follows: { workloads: follow(workloadRecord) } }],
  ])('an agent that %s', (_, more) => {
    const broken = actor(more as unknown as Partial<Actor>);
    expect(overstepped({ actor: broken, role: 'agent' })).toHaveLength(1);
  });
});
