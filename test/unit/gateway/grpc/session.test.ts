/** Sessions by gRPC over a real connection: one call is one session, with both sides' pace and ends. */
import { type ClientDuplexStream, type ServiceError, status } from '@grpc/grpc-js';
import type { FastifyInstance } from 'fastify';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type GrpcListening, serveGrpc } from '../../../../gateway/grpc/server.ts';
import { apiServer } from '../../../../gateway/http/server.ts';
import type { Inside } from '../../../../gateway/inside.ts';
import type { Caller, Wanted } from '../../../../gateway/sessions/sessions.ts';
import { type Answer, type Refusal, refusal } from '../../../../subjects/index.ts';
import { GrpcClient } from '../../../support/grpc-client.ts';
import { eventually } from '../../../support/ports.ts';
import { Hand, insideOf, instanceOf, nodeOf, observedOf } from '../behind.ts';
import { detailsIn } from './details.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests look into messages freely
type Message = any;

let inside: Inside;
let api: FastifyInstance;
let grpc: GrpcListening;
let client: GrpcClient;
/** What the gateway's sessions were asked for, and told. */
let asked: (Wanted & { readonly node: string })[];
let told: string[];
let caller: Caller;
let refused: Refusal | undefined;
/** Frames that come before the call knows that it has begun. */
let early: (() => void) | undefined;
/** While set, input is not taken. */
let held: Promise<void> | undefined;

beforeAll(async () => {
  const hand = new Hand();
  hand.instance(instanceOf('web-1'));
  hand.observed(observedOf('web-1'));
  hand.node(nodeOf('n1'));
  const open: Inside['sessions']['open'] = async (node, wanted, from) => {
    asked.push({ node, ...wanted });
    if (refused) return { ok: false, refusal: refused };
    caller = from;
    early?.();
    const value = {
      send: async (bytes: Uint8Array) => {
        told.push(String(Buffer.from(bytes)));
        await held;
      },
      mark: (marks: object) => void told.push(JSON.stringify(marks)),
      urge: (marks: object) => void told.push(JSON.stringify(marks)),
      end: () => void told.push('over'),
    };
    return { ok: true, value } as unknown as Answer<never>;
  };
  const behind = insideOf(hand);
  inside = { ...behind, sessions: { ...behind.sessions, open } as Inside['sessions'] };
  api = await apiServer(inside, { requestsPerSecond: 1_000_000 });
  await api.ready();
  grpc = await serveGrpc(inside, api, {
    ...{ host: '127.0.0.1', port: 0, requestsPerSecond: 1_000_000 },
  });
  client = new GrpcClient(grpc.address);
});
beforeEach(() => {
  [asked, told, refused, early, held] = [[], [], undefined, undefined, undefined];
});
afterAll(async () => {
  client[Symbol.dispose]();
  await grpc.close();
  await api.close();
});

/** A call with what came. */
class Call {
  readonly stream: ClientDuplexStream<Message, Message> = client.duplex('Sessions/OpenSession');
  readonly messages: Message[] = [];
  ended: ServiceError | 'done' | undefined;

  constructor(...said: Message[]) {
    this.stream.on('data', (message) => this.messages.push(message));
    this.stream.on('error', (error) => {
      this.ended = error as ServiceError;
    });
    this.stream.on('end', () => {
      this.ended ??= 'done';
    });
    for (const each of said) this.stream.write(each);
  }

  /** What was said in each message. */
  get said(): readonly string[] {
    return this.messages.map((each) => each.said ?? Object.keys(each)[0]);
  }
  came(count: number): Promise<void> {
    return eventually(() => this.messages.length >= count, 5_000, `${count} messages`);
  }
  over(): Promise<void> {
    return eventually(() => this.ended !== undefined, 5_000, 'the end');
  }
}
const frame = (more: object): void =>
  caller.frame({ sequence: 1, ...more } as never, () => void told.push('taken'));
const exec = { open: { instance: 'web-1', exec: { command: ['sh'] } } };
const isTold = (text: string): Promise<void> =>
  eventually(() => told.includes(text), 5_000, `${text} in ${told}`);

describe('a session', () => {
  test('is opened where its instance runs, carried both ways, and ends the call as it should be', async () => {
    const call = new Call(exec, { bytes: Buffer.from('ls\n') }, { size: { columns: 9, rows: 8 } });
    await isTold('{"size":{"columns":9,"rows":8}}');
    expect(asked).toEqual([
      {
        node: 'n1',
        tenant: 'default',
        instance: 'web-1',
        caller: '127.0.0.1',
        exec: { command: ['sh'] },
      },
    ]);
    call.stream.write({ signal: 'TERM' });
    await isTold('{"signal":"TERM"}');
    call.stream.end();
    await isTold('{"isEnd":true}');
    expect(told[0]).toBe('ls\n');
    frame({ bytes: Buffer.from('out') });
    frame({ bytes: Buffer.from('err'), isError: true });
    await eventually(() => told.filter((each) => each === 'taken').length === 2, 5_000, 'taken');
    frame({ ended: { exitCode: 0 } });
    await call.over();
    expect(call.ended).toBe('done');
    expect(call.messages).toMatchObject([
      { opened: {} },
      { bytes: Buffer.from('out') },
      { errorBytes: Buffer.from('err') },
      { ended: { exitCode: 0 } },
    ]);
    expect(told).toContain('over');
    expect(inside.grpcCalls.size).toBe(0);
  });

  test('takes commands with a terminal, ports by name or number, copies, and the program itself', async () => {
    const terminal = { type: 'xterm' };
    const wanted = [
      [
        { exec: { command: ['sh'], terminal } },
        { exec: { command: ['sh'], terminal: { ...terminal, size: { columns: 80, rows: 24 } } } },
      ],
      [{ forward: { name: 'http' } }, { forward: { port: 'http' } }],
      [{ forward: { number: 80 } }, { forward: { port: 80 } }],
      [{ copy: { direction: 'from', path: '/a' } }, { copy: { direction: 'from', path: '/a' } }],
      [{ attach: {} }, { attach: {} }],
    ] as const;
    for (const [said, expected] of wanted) {
      asked = [];
      const call = new Call({ open: { tenant: 'default', instance: 'web-1', ...said } });
      await call.came(1);
      expect(asked).toEqual([
        { caller: '127.0.0.1', node: 'n1', tenant: 'default', instance: 'web-1', ...expected },
      ]);
      call.stream.cancel();
    }
  });

  test('says that it has begun before what came first', async () => {
    early = () => frame({ bytes: Buffer.from('quick'), ended: { exitCode: 3 } });
    const call = new Call(exec);
    await call.over();
    expect(call.messages).toMatchObject([
      { opened: {} },
      { bytes: Buffer.from('quick') },
      { ended: { exitCode: 3 } },
    ]);
  });

  test('hears no more than is taken: what comes after waits with its caller', async () => {
    let release = (): void => undefined;
    held = new Promise((resolve) => {
      release = resolve;
    });
    const call = new Call(exec);
    await call.came(1);
    const bytes = Buffer.alloc(60_000, 'x');
    let gone = 0;
    for (let each = 0; each < 40; each++) call.stream.write({ bytes }, () => gone++);
    await eventually(() => told.length === 1, 5_000, 'the first');
    // Long enough for the sixteen that a stream reads ahead.
    await new Promise((resolve) => setTimeout(resolve, 300));
    // One is with the session; what else has left its caller is within the window of its connection.
    expect([gone < 6, told.length]).toEqual([true, 1]);
    held = undefined;
    release();
    await eventually(() => told.length === 40 && gone === 40, 10_000, 'the rest');
    call.stream.cancel();
    await isTold('over');
  });

  test('ends with its caller, however that goes', async () => {
    const call = new Call(exec);
    await call.came(1);
    call.stream.cancel();
    await isTold('over');
    expect(inside.grpcCalls.size).toBe(0);
  });

  test('that breaks off is the status of the call', async () => {
    const call = new Call(exec);
    await call.came(1);
    caller.over(refusal('session-lost', 'nothing was heard for 4.0 s'));
    await call.over();
    const error = call.ended as ServiceError;
    expect([error.code, error.details]).toEqual([
      status.UNAVAILABLE,
      'nothing was heard for 4.0 s',
    ]);
    expect(detailsIn(error.metadata)).toMatchObject({ info: { reason: 'session-lost' } });
  });
});

describe('a call is refused', () => {
  test.each<[string, Message, number, string]>([
    [
      'without an opening',
      { bytes: Buffer.from('x') },
      status.INVALID_ARGUMENT,
      'request-malformed',
    ],
    [
      'with nothing to open',
      { open: { instance: 'web-1' } },
      status.INVALID_ARGUMENT,
      'request-malformed',
    ],
    [
      'with no command',
      { open: { instance: 'web-1', exec: {} } },
      status.INVALID_ARGUMENT,
      'request-malformed',
    ],
    [
      'for nobody',
      { open: { instance: 'web-9', exec: { command: ['x'] } } },
      status.NOT_FOUND,
      'instance-not-found',
    ],
  ])('%s', async (_, said, code, reason) => {
    const call = new Call(said);
    await call.over();
    const error = call.ended as ServiceError;
    expect([error.code, detailsIn(error.metadata)]).toMatchObject([code, { info: { reason } }]);
    expect(asked).toEqual([]);
  });

  test('as over HTTP where it cannot be begun, and for rubbish afterwards', async () => {
    refused = refusal('session-not-begun', 'there is no such program');
    const none = new Call(exec);
    await none.over();
    expect((none.ended as ServiceError).code).toBe(status.FAILED_PRECONDITION);
    refused = undefined;
    const call = new Call(exec, { signal: 'STOP' });
    await call.over();
    expect((call.ended as ServiceError).code).toBe(status.INVALID_ARGUMENT);
    await isTold('over');
    const silent = new Call();
    silent.stream.end();
    await silent.over();
    expect((silent.ended as ServiceError).details).toContain('comes first');
  });

  test('when the gateway stops', async () => {
    const call = new Call(exec);
    await call.came(1);
    for (const each of inside.grpcCalls) each.end(refusal('gateway-stopping', 'it is stopping'));
    await call.over();
    expect((call.ended as ServiceError).code).toBe(status.UNAVAILABLE);
    await isTold('over');
  });
});
