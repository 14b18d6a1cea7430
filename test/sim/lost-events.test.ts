/**
 * For every row of docs/how-to/lost-events.md a world in which exactly that is lost or garbled, and
 * in which what was missed is seen to come right within the time the row names (and what else it
 * takes then). A row without a test is impossible, and so is an actor without a row.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { dead } from '../../actors/dead/actor.ts';
import { deadJobs } from '../../actors/dead/shell.ts';
import { pool } from '../../actors/pool/actor.ts';
import { retention } from '../../actors/retention/actor.ts';
import { retentionJobs } from '../../actors/retention/shell.ts';
import { AnswerPace } from '../../actors/runtime/answer-pace.ts';
import { askAgain } from '../../actors/runtime/ask-again.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { MemoryConnection } from '../../actors/runtime/memory/connection.ts';
import type { Job } from '../../actors/runtime/ports.ts';
import { timedJobs } from '../../actors/runtime/timed-jobs.ts';
import { Views } from '../../actors/runtime/views.ts';
import { schedule } from '../../actors/schedule/actor.ts';
import { Known } from '../../gateway/known.ts';
import {
  address,
  busDisconnected,
  claimWait,
  type DeadLetter,
  deadRecord,
  encode,
  endpointsRecord,
  instanceRecord,
  ledgerRecord,
  nodeBeat,
  nodeHandOff,
  nodePrompt,
  nodeRecord,
  observedRecord,
  pattern,
  placeWork,
  poolApply,
  scheduleApply,
  scheduleFire,
  scheduleRecord,
  slotRecord,
  tenantRetain,
  waitingAddress,
  waitRecord,
  workloadApply,
  workloadRecord,
  workloadScale,
} from '../../subjects/index.ts';
import { poolSpecOf } from '../support/pooling.ts';
import { specOf } from '../support/scheduling.ts';
import { service } from '../support/specs.ts';
import { Lossy, NODES } from './lossy.ts';

const MINUTE = 60_000;

const prompts = (node: string): string => address(nodePrompt, { node });
const letter: DeadLetter = {
  ...{ actor: 'scheduler', letter: 'abc', at: 0, contract: placeWork.name, deliveries: 5 },
  about: address(placeWork, { priority: 'normal', tenant: 'default', workload: 'web' }),
  reason: { code: 'actor-fault', detail: 'for a test' },
  payload: { reason: 'for a test' },
};

/** By the row's first cell: whose event it is, and what is done to it. */
const rows: Readonly<Record<string, { readonly of: string; lose(at: Lossy): void }>> = {
  'a beat': {
    of: 'membership',
    lose: (at) => {
      const asked: number[] = [];
      at.lose(prompts('n1'), () => asked.push(1) < 0);
      const lost = at.lose(address(nodeBeat, { node: 'n1' }), () => asked.length === 0);
      at.run(() => asked.length > 0, 3_000);
      expect(lost.length).toBeGreaterThan(0);
      at.run(() => at.state('n1') === 'ready', 1_000);
      expect(at.world.all(nodeRecord).flatMap((each) => each.offlineAt)).toEqual([]);
    },
  },
  "the server's notice that a connection ended": {
    of: 'membership',
    lose: (at) => {
      const lost = at.lose(address(busDisconnected, {}), () => true);
      at.world.crashMachine('n1');
      at.run(() => at.state('n1') === 'offline', 3_500);
      expect(lost).toHaveLength(1);
    },
  },
  'a republished `for.<node>` message': {
    of: 'agent',
    lose: (at) => {
      at.world.crashMachine('n2');
      at.run(() => at.state('n2') === 'offline', 3_500);
      const missed = (workload: string): void => {
        at.wire('n1').copies = () => 0;
        at.apply(workload, 1);
        const isListed = () =>
          Object.values(at.ledger('n1').entries).some((each) => each.workload === workload);
        at.run(isListed, 1_000);
        at.world.clock.advance(100);
        at.wire('n1').copies = () => 1;
        expect(at.ready(workload)).toBe(0);
      };
      missed('one');
      at.run(() => at.ready('one') === 1, 3_000);
      // And where nobody tells the agent that it is behind.
      const lost = at.lose(prompts('n1'), () => true);
      missed('two');
      at.run(() => at.ready('two') === 1, 31_000);
      expect(lost.length).toBeGreaterThan(0);
    },
  },
  'a report that an instance ended': {
    of: 'agent',
    lose: (at) => {
      at.up('web', 1);
      const { machine, process } = at.one();
      process.report = () => undefined;
      machine.kill(process.input.name);
      at.world.clock.advance(100);
      expect(at.ready('web')).toBe(1);
      at.run(() => at.ready('web') === 1 && at.starts() === 2, 11_000);
    },
  },
  'a stop that the driver lost': {
    of: 'agent',
    lose: (at) => {
      at.up('web', 1);
      const { process, machine } = at.one();
      at.scale('web', 0);
      // It does not hear what ends it.
      process.isAlive = false;
      at.world.clock.advance(1_000);
      process.isAlive = true;
      expect(at.world.all(observedRecord)).toMatchObject([{ state: 'stopping' }]);
      at.run(() => machine.running().length === 0, 11_000);
    },
  },
  "a restart's alarm": {
    of: 'agent',
    lose: (at) => {
      at.up('web', 1);
      const { machine, process } = at.one();
      const clock = at.clock(machine.id);
      const after = clock.after.bind(clock);
      let lost = 0;
      clock.after = (delayMs, call) => {
        // The pause before a first restart.
        if (delayMs === 100 && lost++ === 0) return () => undefined;
        return after(delayMs, call);
      };
      machine.kill(process.input.name);
      at.run(() => at.ready('web') === 0, 1_000);
      at.run(() => at.ready('web') === 1, 13_000);
      expect(lost).toBeGreaterThan(0);
    },
  },
  'a write of what a node sees': {
    of: 'agent',
    lose: (at) => {
      let lost = 0;
      for (const node of NODES) {
        const wire = at.wire(node);
        const store = wire.store.bind(wire);
        wire.store = (ask) =>
          ask.stream === 'shoal-observed' && lost++ === 0 ? 'deaf' : store(ask);
      }
      at.apply('web', 1);
      at.run(() => at.ready('web') === 1, 5_000);
      expect(lost).toBeGreaterThan(1);
    },
  },
  'what a node sees, as it stands in the store': {
    of: 'workload',
    lose: (at) => {
      at.up('web', 1);
      const [seen] = at.world.all(observedRecord);
      const tokens = { node: seen?.node, tenant: 'default', instance: seen?.instance };
      for (const body of [new TextEncoder().encode('rubbish'), null]) {
        at.world.clock.advance(10_000);
        at.raw(observedRecord, tokens, body);
        expect(at.ready('web')).toBe(0);
        at.run(() => at.ready('web') === 1, 16_000);
        expect(at.world.all(observedRecord)).toEqual([seen]);
      }
      expect(at.starts()).toBe(1);
    },
  },
  'a `work.place` item': {
    of: 'workload',
    lose: (at) => {
      let isLost = true;
      const lost = at.loseWork(() => isLost);
      at.apply('web', 1);
      at.world.clock.advance(900);
      expect([lost.length > 0, at.ready('web')]).toEqual([true, 0]);
      isLost = false;
      at.run(() => at.ready('web') === 1, 1_000);
    },
  },
  'a wake-up after room came free': {
    of: 'scheduler',
    lose: (at) => {
      at.apply('big', 3, { resources: { cpu: '800m' } });
      at.run(() => at.world.all(instanceRecord).some((each) => each.parked), 5_000);
      const lost = at.loseWork((reason) => reason.startsWith('room on'));
      at.world.addMachine('n3');
      at.run(() => at.state('n3') === 'ready', 3_000);
      expect(at.ready('big')).toBe(2);
      at.run(() => at.ready('big') === 3, 16_000);
      expect(lost.length).toBeGreaterThan(0);
    },
  },
  "a service's list of endpoints, or a write of it": {
    of: 'discovery',
    lose: (at) => {
      const listed = () => at.world.all(endpointsRecord).flatMap((each) => each.ready);
      at.apply('web', 2, { ports: [{ name: 'http' }] });
      at.run(() => listed().length === 2, 5_000);
      const [before] = at.world.all(endpointsRecord);
      const tokens = { tenant: 'default', workload: 'web' };
      for (const body of [null, encode(endpointsRecord, { ...tokens, ready: [] })]) {
        at.raw(endpointsRecord, tokens, body);
        expect(listed()).toEqual([]);
        at.run(() => listed().length === 2, 1_000);
      }
      expect(at.world.all(endpointsRecord)).toEqual([before]);
      let lost = 0;
      const wire = at.wire('control');
      const store = wire.store.bind(wire);
      wire.store = (ask) =>
        ask.stream === 'shoal' && ask.kind === 'write' && lost++ < 2 ? 'deaf' : store(ask);
      at.raw(endpointsRecord, tokens, null);
      at.run(() => listed().length === 2, 3_000);
      expect(lost).toBeGreaterThan(2);
    },
  },
  'a work item on its way to a scheduler, or its acknowledgement': {
    of: 'scheduler',
    lose: (at) => {
      const { server } = at.world;
      const wire = at.wire('control');
      const store = wire.store.bind(wire);
      // First the delivery is lost, then the acknowledgement of the next one.
      const lost = [true, false, true];
      wire.store = (ask) => (ask.kind === 'work' && lost.shift() ? 'deaf' : store(ask));
      at.apply('web', 1);
      at.world.clock.advance(1_000);
      expect([at.ready('web'), server.items]).toEqual([0, 1]);
      at.run(() => at.ready('web') === 1, placeWork.ackWaitMs);
      expect(server.items).toBe(1);
      at.run(() => server.items === 0, placeWork.ackWaitMs + 1_000);
      expect(lost).toEqual([]);
      expect(at.world.all(instanceRecord).map((each) => each.epoch)).toEqual([1]);
    },
  },
  'a notice of a change of the store': {
    of: 'gateway',
    lose: (at) => {
      let isLossy = false;
      const transfer = (way: 'in' | 'out') => (isLossy && way === 'in' ? undefined : 0);
      const { ports } = at.connection({ isUp: true, transfer });
      const views = new Views(ports.store, at.world.clock, silentLog);
      const known = new Known(views);
      views.start(() => undefined);
      at.run(() => known.isCurrent, 5_000);
      const seen = () => known.workloads.get({ tenant: 'default', workload: 'web' });
      isLossy = true;
      at.apply('web', 1);
      isLossy = false;
      expect(seen()).toBeUndefined();
      at.run(() => seen() !== undefined, 5_000);
    },
  },
  'a crash between a ledger and its node': {
    of: 'membership',
    lose: (at) => {
      at.write(ledgerRecord, { node: 'n1' }, { ...at.ledger('n1'), accepts: 'suspect' });
      at.run(() => at.ledger('n1').accepts === 'yes', 11_000);
    },
  },
  'a crash in a replay of a dead letter': {
    of: 'dead',
    lose: (at) => {
      at.join(dead(), ({ queue }) => deadJobs(queue));
      const { clock } = at.world;
      const { server } = at.world;
      const put = server.put.bind(server);
      let isPut = false;
      server.put = (message) => {
        isPut ||= message.subject === letter.about;
        return put(message);
      };
      const replayed = { ...letter, at: clock.now(), replayedAt: clock.now() };
      at.write(deadRecord, { actor: 'scheduler', letter: 'abc' }, replayed);
      at.run(() => isPut, 45_000);
      at.run(() => at.world.all(deadRecord).length === 0, 3_000);
    },
  },
  'a mark of a trial whose process is gone': {
    of: 'dead',
    lose: (at) => {
      at.join(dead(), ({ queue }) => deadJobs(queue));
      const marked = { ...letter, at: at.world.clock.now(), trials: 1 };
      at.write(deadRecord, { actor: 'scheduler', letter: 'abc' }, marked);
      at.world.clock.advance(9 * MINUTE);
      expect(at.world.all(deadRecord)).toHaveLength(1);
      at.run(() => at.world.all(deadRecord).length === 0, 2 * MINUTE);
    },
  },
  'an answer': {
    of: 'gateway',
    lose: (at) => {
      at.up('web', 1);
      let lost = 0;
      const transfer = (way: 'in' | 'out') => (way === 'in' && lost++ === 0 ? undefined : 0);
      const { ports } = at.connection({ isUp: true, transfer });
      const outcomes: string[] = [];
      const subject = address(workloadScale, { tenant: 'default', workload: 'web' });
      const body = encode(workloadScale, { count: 1 });
      const ask = { subject, body, headers: { 'Nats-Msg-Id': 'ask-1' } };
      askAgain(
        ports,
        ask,
        { withinMs: 2_000, isPatient: false, pace: new AnswerPace() },
        ({ kind }) => {
          outcomes.push(kind);
        },
      );
      at.run(() => outcomes.length > 0, 300);
      expect([lost, outcomes]).toEqual([2, ['answer']]);
    },
  },
  "a schedule's alarm": {
    of: 'schedule',
    lose: (at) => {
      at.join(schedule(), ({ timed }) => timedJobs(timed));
      const tokens = { tenant: 'default', schedule: 'nightly' };
      const spec = specOf({ when: { every: '1m' } });
      at.world.answer(scheduleApply, tokens, { wanted: { labels: {}, spec }, mode: 'put' });
      const waits = waitingAddress(scheduleFire, tokens);
      expect(at.world.server.timed(waits)).toHaveLength(1);
      at.world.server.cancel(waits);
      at.run(() => at.world.server.timed(waits).length === 1, 16_000);
      const fired = () => at.world.all(scheduleRecord)[0]?.handled !== undefined;
      // Lost so late that there is no time to set it again.
      at.run(() => at.world.clock.now() % MINUTE >= 59_900, 2 * MINUTE);
      at.world.server.cancel(waits);
      const before = at.world.all(scheduleRecord)[0]?.handled;
      at.run(() => fired() && at.world.all(scheduleRecord)[0]?.handled !== before, 80_000);
      expect(at.world.all(workloadRecord).length).toBeGreaterThan(0);
    },
  },
  "an ask for a slot's workload": {
    of: 'pool',
    lose: (at) => {
      at.join(pool());
      let count = 0;
      const lost = at.lose(pattern(workloadApply), () => count++ === 0);
      const wanted = { labels: {}, spec: poolSpecOf({ ready: 1 }) };
      at.world.answer(poolApply, { tenant: 'default', pool: 'demo' }, { wanted, mode: 'put' });
      at.run(() => at.world.all(slotRecord)[0]?.state === 'ready', 10_000);
      expect(lost).toHaveLength(1);
    },
  },
  "a late copy of an ask for a slot's workload": {
    of: 'pool',
    lose: (at) => {
      at.join(pool());
      const tokens = { tenant: 'default', workload: 'demo-gone' };
      const owner = { pool: 'demo' };
      const late = { wanted: service(1), mode: 'put', owner } as const;
      expect(at.world.answer(workloadApply, tokens, late)).toMatchObject({ ok: true });
      expect(at.world.all(workloadRecord)).toHaveLength(1);
      at.run(() => at.world.all(workloadRecord).length === 0, 5_000);
    },
  },
  'a caller that waits in line and is gone': {
    of: 'pool',
    lose: (at) => {
      at.join(pool());
      const name = { tenant: 'default', pool: 'demo' };
      const spec = poolSpecOf({ ready: 1, maximum: 1 });
      at.world.answer(poolApply, name, { wanted: { labels: {}, spec }, mode: 'put' });
      const wait = (place: string) => at.world.answer(claimWait, name, { place, wait: '1m' });
      for (const place of ['firstinline', 'secondinline']) {
        expect(wait(place)).toMatchObject({ value: { place: { waiting: expect.any(Number) } } });
      }
      const has = (): boolean => {
        const answer = wait('secondinline');
        return answer.ok && answer.value.claim !== undefined;
      };
      at.run(has, 9_000);
      expect(at.world.all(waitRecord)).toEqual([]);
    },
  },
  'an ask that hands something off to a slot, or its answer': {
    of: 'pool',
    lose: (at) => {
      at.join(pool());
      const claim = at.handingOff();
      for (const [place, lost] of [
        ['askislost00', at.loseFirst(pattern(nodeHandOff), 'ask')],
        ['answerislost', at.loseFirst(pattern(nodeHandOff), 'answer')],
      ] as const) {
        at.run(() => claim(place)?.claim !== undefined, 1_000);
        expect(lost).toHaveLength(1);
      }
      // On each it was begun once, and none was given up for it.
      expect(at.world.pools.handOffs).toEqual({ done: 2, failed: 0 });
    },
  },
  'who hands something off to a slot, and its caller': {
    of: 'pool',
    lose: (at) => {
      const crash = at.join(pool());
      const claim = at.handingOff({ isDeaf: true });
      claim('iamgonesoon');
      const states = () => at.world.all(slotRecord).map((each) => each.state);
      expect(states()).toContain('claimed');
      crash();
      at.join(pool());
      expect(at.world.pools.handOffs.failed).toBe(0);
      at.run(() => at.world.pools.handOffs.failed === 1, 9_000);
      expect(states()).not.toContain('claimed');
    },
  },
  'what a look through a stream came to': {
    of: 'retention',
    lose: (at) => {
      const { server, clock } = at.world;
      const keeper = new MemoryConnection(server, clock, { newId: () => 'k' }).keeper();
      let lost = 0;
      at.join(retention(), ({ store }) => {
        const jobs = retentionJobs(keeper, store);
        const survey: Job = (input, report, under) =>
          jobs['survey']?.(input, (outcome) => lost++ > 0 && report(outcome), under);
        return { ...jobs, survey };
      });
      const settings = { retention: { events: { count: 10 } } };
      at.world.answer(tenantRetain, { tenant: 'default' }, settings);
      at.up('web', 5);
      const own = () =>
        server.appended('EVENTS').filter((each) => each.subject.includes('.default.')).length;
      expect(own()).toBeGreaterThan(10);
      at.run(() => lost > 0, 2 * MINUTE);
      at.run(() => own() === 10, 7 * MINUTE);
    },
  },
};

/** The table of the guide, row by row. */
const guide = readFileSync(new URL('../../docs/how-to/lost-events.md', import.meta.url), 'utf8');
const told = [...guide.matchAll(/^\| (?!lost or garbled|---)(.+?) \|/gm)].map(([, cell]) => cell);

describe('what is lost is met again', () => {
  test('each row of the guide has a test, and each test a row', () => {
    expect(told.length).toBeGreaterThan(12);
    expect(Object.keys(rows).sort()).toEqual([...told].sort());
  });

  test('each actor has at least one', () => {
    const actors = ['agent', 'dead', 'discovery', 'gateway', 'membership', 'pool', 'retention'];
    expect([...new Set(Object.values(rows).map((each) => each.of))].sort()).toEqual(
      [...actors, 'schedule', 'scheduler', 'workload'].sort(),
    );
  });

  test.each(Object.entries(rows))('%s', (_row, { lose }) => {
    const at = new Lossy();
    lose(at);
    for (const { hosts } of at.world.processes.values()) {
      expect(hosts.map((each) => each.counters.faults)).toEqual(hosts.map(() => 0));
    }
    expect(at.world.checkers.violations).toEqual([]);
  });
});
