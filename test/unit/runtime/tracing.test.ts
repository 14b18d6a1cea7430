/** What a call causes belongs to its trace, and what the fabric does by itself to none. */
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  defineActor,
  follow,
  on,
  once,
  type Received,
  reported,
} from '../../../actors/runtime/actor.ts';
import { after, commit, put, reply, run } from '../../../actors/runtime/effect.ts';
import { TRACE_HEADER } from '../../../actors/runtime/ports.ts';
import { passTracing, type Tracing } from '../../../actors/runtime/tracing.ts';
import type { View } from '../../../actors/runtime/view.ts';
import { address, encode, record, request } from '../../../subjects/index.ts';
import { Bench } from '../../support/host.ts';

const roles = { from: ['gateway'], to: ['control'], summary: 'For a test.' } as const;
const note = record({
  name: 'note',
  subject: 'note.{name}',
  schema: z.object({ value: z.number() }),
  bytesMax: 100,
  bucket: 'shoal',
  indexes: {},
  ...roles,
});
const write = request({
  name: 'note.write',
  subject: 'shoal.note.{name}.write',
  schema: z.object({}),
  reply: z.object({}),
  bytesMax: 1_000,
  timeoutMs: 5_000,
  ...roles,
});

/** Each waits longer than what is gathered. */
const LONG_MS = 1_000;

const notes = defineActor<null, { readonly notes: View<typeof note> }>({
  name: 'notes',
  sentence: 'Makes sure that notes are written.',
  init: () => null,
  routes: [
    on(write, (_state, ask: Received<typeof write>) => [
      commit(put(note, { name: ask.tokens.name }, { value: 1 })),
      reply(write, ask.from, {}),
    ]),
  ],
  follows: { notes: follow(note, { changed: () => [after('gathered', 2), run('begin', {})] }) },
  timers: {
    gathered: once(() => [after('later', LONG_MS)]),
    later: once(() => []),
  },
  jobs: { ...reported('begin', () => []) },
  publishes: [],
  writes: [note],
});

const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

/** Tells which steps and jobs belong to which trace. */
function told(): { readonly said: string[]; readonly tracing: Tracing } {
  const said: string[] = [];
  const of = (what: string, traceparent: string | undefined): void => {
    said.push(`${what}: ${traceparent === undefined ? 'none' : 'the call'}`);
  };
  const tracing: Tracing = {
    step: (actor, message, traceparent) => {
      of(message, traceparent);
      return passTracing.step(actor, message, traceparent);
    },
    span: (name, traceparent) => {
      of(name, traceparent);
      return passTracing.span(name, traceparent);
    },
    within: (traceparent, job) => {
      of('job', traceparent);
      return job();
    },
  };
  return { said, tracing };
}

test.each([
  [TRACE, 'the call'],
  [undefined, 'none'],
])('with traceparent %s: all that a call causes at once is part of %s', (traceparent, part) => {
  const bench = new Bench();
  const { said, tracing } = told();
  const jobs = { begin: (_input: unknown, report: (outcome: unknown) => void) => report({}) };
  bench.join(notes, { tracing, jobs });
  said.length = 0;
  const message = {
    ...{ subject: address(write, { name: 'a' }), body: encode(write, {}) },
    headers: traceparent === undefined ? {} : { [TRACE_HEADER]: traceparent },
  };
  bench.outside.bus.request(message, 5_000, () => undefined);
  bench.clock.advance(3 * LONG_MS);
  expect(said).toEqual([
    `note.write: ${part}`,
    `commit: ${part}`,
    `changed notes: ${part}`,
    `job: ${part}`,
    `report begin: ${part}`,
    `gathered: ${part}`,
    // What is put off for longer comes by itself.
    'later: none',
  ]);
});
