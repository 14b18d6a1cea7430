/**
 * A pool of fifty whose agents and keepers are killed again and again while two hundred callers wait in
 * its line, use what they get, and give it back or let its time run out: everybody is answered with the
 * truth, nobody gets what another one had, the pool is whole again, and then nothing is left of it.
 */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { agentProgram } from '../../local/fabric.ts';
import { findProgram } from '../../local/program.ts';
import { caddy as caddyProgram } from '../../local/programs.ts';
import { nodeState } from '../../subjects/index.ts';
import { CaddyUnderTest } from './caddy.ts';
import { type FabricUnderTest, fabricUnderTest } from './fabric.ts';
import { type Call, putPool } from './gateway-calls.ts';
import { type Held, heldBy, type PortRange } from './leaks.ts';
import { eventually } from './ports.ts';

const READY = 50;
const MAXIMUM = 70;
const CALLERS = 200;
/** Callers who keep what they got until all have been served. */
const KEEPERS = 10;
/** A program is killed each time so many more have been served. */
const SERVED_BETWEEN_KILLS = 20;
/** Longer than anything here takes on a busy machine, in milliseconds. */
const LONG_MS = 120_000;
const DOMAIN = 'slots.test';
const NODES = ['n1', 'n2'];

/** What runs slots, and what is looked at besides to see that nothing of them is left. */
export interface Runs {
  /** Driver and command, of a template: it answers GET / with what `NAME` says, on its port `http`. */
  readonly template: object;
  /** Of every program. */
  readonly environment: Readonly<Record<string, string>>;
  /** Ports that only these agents give away. */
  readonly ports: PortRange;
  /** What runs beside processes: containers and what they hold. */
  readonly beside: () => Promise<readonly string[]>;
}

interface Claim {
  readonly id: string;
  readonly state: string;
  readonly until: string;
}

/** The tests, on what `open` makes before they begin; `close` ends that. */
export function poolUnderKills(
  what: string,
  open: () => Promise<Runs>,
  close: () => Promise<void> = async () => undefined,
): void {
  let runs: Runs;
  let under: FabricUnderTest;
  let caddy: CaddyUnderTest | undefined;
  let before: Held;

  beforeAll(async () => {
    runs = await open();
    caddy = (await findProgram(caddyProgram)) ? await CaddyUnderTest.start() : undefined;
    const { from, to } = runs.ports;
    const routes = caddy && {
      SHOAL_CADDY_ADMIN: `http://127.0.0.1:${caddy.way.port}`,
      SHOAL_CADDY_LISTEN: `127.0.0.1:${caddy.port}`,
    };
    under = await fabricUnderTest(NODES, {
      ...{ copies: 2, isKept: true, capacity: 'cpu=100,memory=64Gi,disk=64Gi' },
      environment: {
        ...{ SHOAL_RATE_LIMIT: '100000', SHOAL_PORTS: `${from}-${to}` },
        ...{ ...runs.environment, ...routes },
      },
    });
    await eventually(areNodesReady, LONG_MS, 'the nodes to be ready');
    before = await held();
  });
  afterAll(async () => {
    const processes = under?.processes;
    await under?.[Symbol.asyncDispose]();
    await caddy?.[Symbol.asyncDispose]();
    await close();
    if (processes) expect(await processes()).toEqual([]);
  });

  const held = () => heldBy(under, runs);
  const areNodesReady = () =>
    NODES.every((node) => {
      const record = under.nodes.get({ node });
      return record !== undefined && nodeState(record) === 'ready';
    });
  const call: Call = (...asked) => under.call(...asked);
  const counts = async () => (await call('GET', 'pools/demo')).body.slots;
  const settled = (claimed: number) => {
    const wanted = JSON.stringify({ warming: 0, ready: READY, claimed, draining: 0 });
    const isSo = async () => JSON.stringify(await counts()) === wanted;
    return eventually(isSo, LONG_MS, `slots: ${wanted}`);
  };
  /** What a slot's program says of itself, through the gateway's ingress. */
  const nameBehind = (id: string) => {
    const { hostname, port } = new URL(under.fabric.ingressUrl);
    return textOf({ hostname, port, host: `${id}.${DOMAIN}` });
  };
  /** Waits in line, uses what was got, and gives it back as the caller's turn says. */
  const caller = async (index: number, served: (claim: Claim) => void): Promise<void> => {
    const isShort = index % 4 === 1;
    const body = { by: `caller-${index}`, ttl: isShort ? '15s' : '10m' };
    const got = await call('POST', 'pools/demo/claims?wait=10m', { body });
    expect([got.status, got.body.state], JSON.stringify(got.body)).toEqual([201, 'held']);
    const claim: Claim = got.body;
    served(claim);
    // A claim that ended while its agent was dead was never of any use: only the long ones must be.
    const isMine = async () => (await nameBehind(claim.id)) === `${claim.id}.${DOMAIN}`;
    if (!isShort) await eventually(isMine, LONG_MS, `${claim.id} answers`);
    if (isShort || index < KEEPERS) return;
    const released = await call('DELETE', `claims/${claim.id}`);
    expect([released.status, released.body.wasOver]).toEqual([200, false]);
  };
  /** Kills a program; its keeper starts another one. */
  const kill = async (name: string): Promise<void> => {
    const child = under.fabric.child(name);
    const { pid } = child;
    if (pid === undefined) return;
    process.kill(pid, 'SIGKILL');
    await eventually(() => child.pid !== pid, LONG_MS, `${name} to end`);
  };
  const acting = () =>
    (under.leases.get({ actor: 'pool', shard: '0' })?.holder ?? '').replace(/-[^-]+$/, '');

  test(`a pool of ${READY} on ${what}`, async () => {
    const applied = await putPool(call, 'demo', {
      template: {
        ...{ ports: [{ name: 'http' }], resources: { cpu: '10m', memory: '48Mi' } },
        probes: {
          readiness: { http: { port: 'http', path: '/' }, initialDelay: '0s', period: '1s' },
        },
        ...{ grace: '1s', ...runs.template },
      },
      ...{ ready: READY, maximum: MAXIMUM, refillParallelism: 16, ttl: '10m' },
      route: { domain: DOMAIN, variable: 'NAME' },
    });
    expect(applied.status, JSON.stringify(applied.body)).toBe(201);
    await settled(0);
    const there = await held();
    expect(there.running.length).toBeGreaterThanOrEqual(READY);
    expect(there.ports.length).toBe(READY);
    expect(there.hosts.length).toBe(READY);
  });

  test(`${CALLERS} callers at once, agents and keepers killed meanwhile`, async () => {
    const had: Claim[] = [];
    const calls = Array.from({ length: CALLERS }, (_, index) =>
      caller(index, (claim) => had.push(claim)),
    );
    const all = Promise.allSettled(calls);
    let isOver = false;
    void all.then(() => {
      isOver = true;
    });
    const victims = [agentProgram('n1'), acting, agentProgram('n2'), acting];
    let kills = 0;
    while (!isOver) {
      const next = (kills + 1) * SERVED_BETWEEN_KILLS;
      await eventually(() => isOver || had.length >= next, LONG_MS, `${next} were served`);
      const victim = victims[kills % victims.length];
      if (isOver || victim === undefined) break;
      await kill(typeof victim === 'string' ? victim : victim());
      kills += 1;
    }
    const failed = (await all).flatMap((each) =>
      each.status === 'rejected' ? [String(each.reason)] : [],
    );
    expect(failed).toEqual([]);
    expect(kills).toBeGreaterThanOrEqual(victims.length);
    // No slot twice: an id is a slot's name.
    expect(had.length).toBe(CALLERS);
    expect(new Set(had.map(({ id }) => id)).size).toBe(CALLERS);

    // Whoever let the time run out has nothing any more, whoever kept has it still, and nobody else has any.
    const holds = async (): Promise<readonly string[]> => {
      const { items } = (await call('GET', 'claims?pool=demo')).body;
      return items.map(({ by }: { by: string }) => by).sort();
    };
    const kept = Array.from({ length: KEEPERS }, (_, index) => index)
      .filter((index) => index % 4 !== 1)
      .map((index) => `caller-${index}`);
    const isSo = async () => (await holds()).join() === [...kept].sort().join();
    await eventually(isSo, LONG_MS, 'only those who kept have a claim');
    await eventually(areNodesReady, LONG_MS, 'the nodes to be ready');
    await settled(kept.length);
    expect((await call('GET', 'pools/demo')).body.waiting).toBe(0);
    for (const { value } of under.slots.entries()) {
      const isMine = async () => (await nameBehind(value.slot)) === `${value.slot}.${DOMAIN}`;
      await eventually(isMine, LONG_MS, `${value.slot} answers`);
    }
  });

  test('the pool is deleted, and nothing is left of it', async () => {
    expect((await call('DELETE', 'pools/demo')).status).toBe(200);
    const { items } = (await call('GET', 'claims?pool=demo')).body;
    for (const { id } of items) expect((await call('DELETE', `claims/${id}`)).status).toBe(200);
    const isGone = async () => (await call('GET', 'pools/demo')).status === 404;
    await eventually(isGone, LONG_MS, 'the pool is gone');
    if (caddy) {
      const { hosts } = caddy;
      await eventually(
        async () => (await hosts.call(caddy)).length === 0,
        LONG_MS,
        'no route left',
      );
    }
    let now = await held();
    const isSame = async () => {
      now = await held();
      return JSON.stringify(now) === JSON.stringify(before);
    };
    // What is left is named, not only that something is.
    await eventually(isSame, LONG_MS / 4, 'all to be as before').catch(() => undefined);
    expect(now).toEqual(before);
  });
}

/** The body of a GET by a host name, or why there is none. */
function textOf(of: {
  readonly hostname: string;
  readonly port: string;
  readonly host: string;
}): Promise<string> {
  const { hostname, port, host } = of;
  return new Promise((resolve) => {
    const asked = request({ hostname, port, headers: { host }, timeout: 10_000 }, (answer) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (part: string) => {
        text += part;
      });
      answer.once('end', () => resolve(text.trim()));
      answer.once('error', (error) => resolve(`${error}`));
    });
    asked.once('timeout', () => asked.destroy(new Error('no answer')));
    asked.once('error', (error) => resolve(`${error}`));
    asked.end();
  });
}
