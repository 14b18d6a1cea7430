/**
 * Makes sure that a session is carried on a call with streams both ways, no faster than its caller and
 * the instance take it, and that both end when either does.
 */
import {
  Metadata,
  type Server,
  type ServerDuplexStream,
  type ServerInterceptor,
  type ServiceDefinition,
  type StatusObject,
  status,
} from '@grpc/grpc-js';
import { type Refusal, refusal, type SessionOut } from '../../subjects/index.ts';
import { RefusedError } from '../http/error-refusal.ts';
import { REQUEST_ID_HEADER } from '../http/refuse.ts';
import { nodeRunning } from '../sessions/reached.ts';
import type { Caller, Opened } from '../sessions/sessions.ts';
import { type CallInfo, type Door, LastingCall, valueIn } from './call.ts';
import type { Rpc } from './contract.ts';
import { oneReadAtATime, readNext } from './one-read.ts';
import { inputIn, openingIn, outputsOf } from './session-messages.ts';
import { stopping } from './watch.ts';

/** Its service and method: they are not derived from an operation, which has one question. */
export const SESSIONS = 'Sessions';
const METHOD = 'OpenSession';

type Call = ServerDuplexStream<Uint8Array, Uint8Array>;

type RpcOf = (service: string, method: string) => Rpc;

/** Makes a server read a session's next message when its last one was taken. */
export function sessionPace(rpcOf: RpcOf): ServerInterceptor {
  return oneReadAtATime(`/${rpcOf(SESSIONS, METHOD).name}`);
}

/** Serves sessions beside what is derived, on a server with their pace. */
export function addSessions(server: Server, door: Door, rpcOf: RpcOf): void {
  const rpc = rpcOf(SESSIONS, METHOD);
  const same = (bytes: Uint8Array): Buffer => Buffer.from(bytes);
  const definition: ServiceDefinition[string] = {
    ...{ path: `/${rpc.name}`, requestStream: true, responseStream: true },
    ...{ requestSerialize: same, requestDeserialize: same },
    ...{ responseSerialize: same, responseDeserialize: same },
  };
  server.addService(
    { [METHOD]: definition },
    {
      [METHOD]: (call: Call) => new SessionCall(door, rpc, call).begin(),
    },
  );
}

/** One call, which is one session. */
class SessionCall implements Caller {
  readonly #door: Door;
  readonly #rpc: Rpc;
  readonly #call: Call;
  readonly #lasting: LastingCall;
  #session: Opened | undefined;
  /** What came before the caller was told that it has begun. */
  readonly #early: (() => void)[] = [];
  #isBegun = false;
  #isOver = false;
  #isEnded = false;

  constructor(door: Door, rpc: Rpc, call: Call) {
    this.#door = door;
    this.#rpc = rpc;
    this.#call = call;
    this.#lasting = new LastingCall(door.inside, rpc.name, call);
  }

  get #info(): CallInfo {
    return this.#lasting.info;
  }

  begin(): void {
    this.#door.inside.grpcCalls.add(this);
    this.#call.on('cancelled', () => this.#close(status.CANCELLED));
    this.#call.on('data', (bytes: Uint8Array) => this.#heard(bytes));
    this.#call.on('end', () => this.#heardAll());
  }

  /** Ended by the gateway. */
  end(because: Refusal): void {
    this.#fail(this.#info.refused(because));
  }

  frame(frame: SessionOut, taken: () => void): void {
    if (this.#session) this.#say(frame, taken);
    else this.#early.push(() => this.#say(frame, taken));
  }

  over(because: Refusal | undefined): void {
    const why = because ?? refusal('session-over', 'the agent has ended it');
    if (this.#session) this.end(why);
    else this.#early.push(() => this.end(why));
  }

  #say(frame: SessionOut, taken: () => void): void {
    if (this.#isOver) return;
    const messages = outputsOf(this.#rpc.answer, frame);
    // Taken is what the caller's connection has taken: it takes no more than it may have ahead.
    for (const each of messages) this.#call.write(each, taken);
    if (!frame.ended) return;
    this.#call.end();
    this.#close(status.OK);
  }

  #heard(bytes: Uint8Array): void {
    if (this.#isOver) return;
    const done = this.#isBegun ? this.#tell(bytes) : this.#open(bytes);
    this.#isBegun = true;
    done.then(
      // One thing at a time: what comes after it waits with the caller.
      () => readNext(this.#call),
      (error) => this.#fail(this.#info.failed(error)),
    );
  }

  async #open(bytes: Uint8Array): Promise<void> {
    const { inside, admit } = this.#door;
    const limited = await admit(this.#info.address);
    if (limited) throw new RefusedError(limited);
    const wanted = this.#read(openingIn, bytes);
    if (inside.clients.isStopping) throw new RefusedError(stopping());
    const node = valueIn(nodeRunning(inside.known, wanted));
    const { traceparent } = this.#lasting;
    const caller = this.#info.address;
    const session = valueIn(
      await inside.sessions.open(node, { ...wanted, caller }, this, traceparent),
    );
    // The caller went meanwhile.
    if (this.#isOver) return session.end();
    this.#session = session;
    const metadata = new Metadata();
    metadata.set(REQUEST_ID_HEADER, this.#info.id);
    this.#call.sendMetadata(metadata);
    this.#call.write(this.#rpc.answer.encode({ opened: {} }).finish());
    for (const call of this.#early.splice(0)) call();
  }

  async #tell(bytes: Uint8Array): Promise<void> {
    const said = this.#read(inputIn, bytes);
    if (said.end) this.#tellEnd();
    if (said.size) this.#session?.urge({ size: said.size });
    if (said.signal) this.#session?.urge({ signal: said.signal });
    if (said.bytes && !this.#isEnded) await this.#session?.send(said.bytes);
  }

  /** Nothing more is said: of a call that never said anything nothing is known. */
  #heardAll(): void {
    if (this.#isBegun) return this.#tellEnd();
    this.end(refusal('request-malformed', 'open: what is to be opened comes first'));
  }

  #tellEnd(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    this.#session?.mark({ isEnd: true });
  }

  #read<T>(read: (type: Rpc['request'], bytes: Uint8Array) => T, bytes: Uint8Array): T {
    try {
      return read(this.#rpc.request, bytes);
    } catch (error) {
      // What cannot even be read is refused as every message of this kind.
      this.#info.read(this.#rpc.request, bytes);
      throw error;
    }
  }

  #fail(ended: StatusObject): void {
    if (this.#isOver) return;
    this.#call.emit('error', ended);
    this.#close(ended.code);
  }

  #close(code: status): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#door.inside.grpcCalls.delete(this);
    this.#session?.end();
    this.#lasting.done('session', code);
  }
}
