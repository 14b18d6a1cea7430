/**
 * Makes sure that what an actor does can be looked at while it runs, and run again elsewhere: while
 * a recording is on, each step and fold is told with everything it was given, read and returned.
 *
 * Owns: whether a recording is on, and its numbers. Not: what is recorded (host.ts).
 *
 * I1  Off, it costs a step one branch.
 * I2  A recording ends by itself: after its time, or when it has said RECORDING_BYTES_MAX.
 * I3  It changes nothing: what it cannot tell ends the recording, never the step.
 * I4  Frames are numbered without a gap; each recording begins with the private state.
 */
import {
  address,
  contentType,
  debugFrame,
  encode,
  FRAME_TEXT_MAX,
  type Frame,
  RECORDING_BYTES_MAX,
  type RecordedEntry,
} from '../../../subjects/index.ts';
import type { Actor, Context, Follow } from '../actor.ts';
import { seedOf } from '../contexts.ts';
import type { Effects } from '../effect.ts';
import type { Inbound } from '../inbound.ts';
import { type Close, type Ports, TYPE_HEADER } from '../ports.ts';
import { VERSION } from '../version.ts';
import type { Change, View } from '../view.ts';
import { plainEffect, plainOf, Replies } from './plain.ts';
import { RecordingView, Told } from './recording-view.ts';

type Ending = Extract<RecordedEntry, { kind: 'ended' }>['why'];

/** Characters of one part: each takes at most three bytes. */
const PART_CHARACTERS = Math.floor(FRAME_TEXT_MAX / 3);

interface Around<S, V> {
  readonly actor: Actor<S, V>;
  readonly copy: string;
  readonly ports: Ports;
  /** The private state as it is. */
  state(): S;
  readonly views: V;
}

/** The recordings of one copy of an actor; one at a time. */
export class Recorder<S = unknown, V = unknown> {
  readonly #around: Around<S, V>;
  #current: Recording<S, V> | undefined;
  #cancel: Close = () => undefined;

  constructor(around: Around<S, V>) {
    this.#around = around;
  }

  /** The recording that is on. */
  get current(): Recording<S, V> | undefined {
    return this.#current;
  }

  /** Begins a recording, in place of one that is on. Returns its id. */
  start(forMs: number): string {
    this.#end('again');
    const { clock, newId } = this.#around.ports;
    const id = newId();
    const recording = new Recording(id, this.#around, (why) => this.#end(why));
    this.#current = recording;
    this.#cancel = clock.after(forMs, () => this.#end('time'));
    recording.begin(clock.now() + forMs);
    return id;
  }

  /** Ends the one that is on, if any. */
  stop(): void {
    this.#end('asked');
  }

  #end(why: Ending): void {
    const recording = this.#current;
    this.#current = undefined;
    this.#cancel();
    recording?.end(why);
  }
}

/** One recording under way. */
export class Recording<S = unknown, V = unknown> {
  readonly #id: string;
  readonly #around: Around<S, V>;
  readonly #over: (why: Ending) => void;
  readonly #subject: string;
  readonly #views: V;
  readonly #told = new Told();
  readonly #replies = new Replies();
  /** Number of the first frame of the step that each message had last. */
  readonly #steps = new WeakMap<Inbound, number>();
  #seq = 0;
  #bytes = 0;
  #isOver = false;

  /** `over` is called when it has said all it may, or cannot say what it should. */
  constructor(id: string, around: Around<S, V>, over: (why: Ending) => void) {
    this.#id = id;
    this.#around = around;
    this.#over = over;
    this.#subject = address(debugFrame, { actor: around.actor.name });
    const views = Object.entries(around.views as Record<string, View>).map(
      ([name, view]) => [name, new RecordingView(name, view, this.#told)] as const,
    );
    this.#views = Object.fromEntries(views) as V;
  }

  /** Tells what it begins with. */
  begin(untilMs: number): void {
    const { name: actor } = this.#around.actor;
    this.#tell(() => ({
      ...{ kind: 'began', actor, version: VERSION, untilMs, state: this.#state() },
    }));
  }

  /** Tells the private state, which was made anew. Whoever missed a frame can go on from here. */
  rebuilt(): void {
    this.#told.forget();
    this.#tell(() => ({ kind: 'rebuilt', state: this.#state() }));
  }

  /** Tells its end. */
  end(why: Ending): void {
    this.#tell(() => ({ kind: 'ended', why }));
  }

  /** Runs a step and tells of it. Throws what the step throws. */
  step(inbound: Inbound, context: Context<V>, run: (context: Context<V>) => Effects): Effects {
    const seen = this.#watched(context);
    const { label, about, id, attempts } = inbound;
    const given = messageIn(inbound);
    this.#steps.set(inbound, this.#seq);
    const told = (effects: Effects, threw?: string): void =>
      this.#tell(() => ({
        ...{ kind: 'step', label, about, id, attempts, message: plainOf(given, this.#replies) },
        ...this.#given(inbound, context),
        ...{ held: [...seen.held], mine: [...seen.mine] },
        effects: effects.map((each) => plainEffect(each, this.#replies)),
        ...(threw === undefined ? {} : { threw }),
      }));
    try {
      const effects = run(seen.context);
      told(effects);
      return effects;
    } catch (error) {
      told([], String(error));
      throw error;
    }
  }

  /** Folds a change in and tells of it. Throws what the fold throws. */
  fold(
    one: Follow<S, V>,
    change: Change,
    context: Context<V>,
    run: (context: Context<V>) => void,
  ): void {
    const view = Object.entries(this.#around.actor.follows).find(([, each]) => each === one)?.[0];
    const { key, before, after, revision: at } = change;
    const entry = { kind: 'fold' as const, view: view ?? '', key, before, after, at };
    try {
      run({ ...context, views: this.#views });
      this.#tell(() => ({ ...entry, ...this.#given(undefined, context) }));
    } catch (error) {
      const threw = String(error);
      this.#tell(() => ({ ...entry, ...this.#given(undefined, context), threw }));
      throw error;
    }
  }

  /** Tells what became of the effects of a message's last step, if it told that step. */
  outcome(inbound: Inbound, outcome: string, revision?: number): void {
    const of = this.#steps.get(inbound);
    if (of === undefined) return;
    this.#tell(() => ({
      ...{ kind: 'outcome', of, outcome },
      ...(revision === undefined ? {} : { revision }),
    }));
  }

  #state(): unknown {
    const { actor, state } = this.#around;
    return plainOf(actor.snapshot ? actor.snapshot.take(state()) : state(), this.#replies);
  }

  #given(inbound: Inbound | undefined, context: Context<V>) {
    const { now, clockSetMs, revision, fence } = context;
    const set = clockSetMs === 0 ? {} : { clockSetMs };
    return { now, ...set, revision, fence, seed: seedOf(inbound), ...this.#told.take() };
  }

  /** A context that notes what is asked of it. */
  #watched(context: Context<V>) {
    const held = new Set<string>();
    const mine = new Set<string>();
    const watched: Context<V> = {
      ...context,
      views: this.#views,
      isHeld: (key) => context.isHeld(key) && held.add(key).has(key),
      isMine: (record, key) => context.isMine(record, key) && mine.add(key).has(key),
    };
    return { context: watched, held, mine };
  }

  /** Says what `made` makes, if it can be said. */
  #tell(made: () => RecordedEntry): void {
    try {
      const entry = made();
      this.#say(entry, JSON.stringify(entry));
    } catch {
      this.#over('fault');
    }
  }

  /** Sends an entry, in parts where it is long. */
  #say(entry: RecordedEntry, text: string): void {
    if (this.#isOver) return;
    const bytes = Buffer.byteLength(text);
    this.#bytes += bytes;
    this.#isOver = entry.kind === 'ended';
    if (this.#bytes > RECORDING_BYTES_MAX && !this.#isOver) return this.#over('size');
    if (bytes <= FRAME_TEXT_MAX) return this.#send({ entry });
    for (let index = 0; index * PART_CHARACTERS < text.length; index++) {
      const count = Math.ceil(text.length / PART_CHARACTERS);
      const from = index * PART_CHARACTERS;
      this.#send({ part: { index, count, text: text.slice(from, from + PART_CHARACTERS) } });
    }
  }

  #send(of: Pick<Frame, 'entry' | 'part'>): void {
    const { copy, ports } = this.#around;
    const frame: Frame = {
      ...{ recording: this.#id, copy, seq: this.#seq++, at: ports.clock.now() },
      ...of,
    };
    ports.bus.publish({
      subject: this.#subject,
      body: encode(debugFrame, frame),
      headers: { [TYPE_HEADER]: contentType[debugFrame.codec] },
    });
  }
}

/** What a step is given: of a record that changed the change itself, not the box it waited in. */
function messageIn(inbound: Inbound): unknown {
  return inbound.label.startsWith('changed ')
    ? (inbound.message as { readonly change: Change }).change
    : inbound.message;
}
