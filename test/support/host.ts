/** An actor running on the memory ports, with time that passes when told to. */
import type { Actor } from '../../actors/runtime/actor.ts';
import { Host, type HostOptions } from '../../actors/runtime/host.ts';
import { type Log, silentLog } from '../../actors/runtime/log.ts';
import { FakeClock } from '../../actors/runtime/memory/clock.ts';
import { type Link, MemoryConnection } from '../../actors/runtime/memory/connection.ts';
import { MemoryServer } from '../../actors/runtime/memory/server.ts';
import { readAnswer, unanswered } from '../../actors/runtime/perform.ts';
import { ID_HEADER, type Ports, TYPE_HEADER } from '../../actors/runtime/ports.ts';
import { Views } from '../../actors/runtime/views.ts';
import {
  type Answer,
  address,
  type Contract,
  contentType,
  decode,
  encode,
  type MessageContract,
  type PayloadOf,
  type RecordContract,
  type ReplyOf,
  type RequestContract,
  type TokensOf,
} from '../../subjects/index.ts';

/** One memory server and its clock; processes are added with `join`. */
export class Bench {
  readonly clock = new FakeClock();
  readonly server = new MemoryServer(this.clock);
  readonly outside: Ports;
  #ids = 0;

  constructor() {
    this.outside = this.connection().ports;
  }

  connection(link?: Link): MemoryConnection {
    const newId = (): string => `i${++this.#ids}`;
    return new MemoryConnection(this.server, this.clock, { newId, ...(link ? { link } : {}) });
  }

  /** Starts an actor in a process of its own. */
  join<S, V>(
    actor: Actor<S, V>,
    options: Partial<HostOptions> & { readonly link?: Link; readonly log?: Log } = {},
  ): { readonly host: Host<S, V>; readonly views: Views; readonly connection: MemoryConnection } {
    const connection = this.connection(options.link);
    const log = options.log ?? silentLog;
    const views = new Views(connection.ports.store, this.clock, log);
    const copy = options.copy ?? `${actor.name}-${++this.#ids}`;
    const { ports } = connection;
    const host = new Host(actor, { ports, ...options, views, copy, log });
    let isReady = false;
    views.start(() => {
      host.start();
      host.whenSettled(() => {
        isReady = true;
      });
    });
    this.clock.runUntil(() => isReady, 60_000, 'views');
    this.clock.settle();
    return { host, views, connection };
  }

  /** Asks as a caller would, and returns the answer. */
  ask<C extends RequestContract>(
    contract: C,
    tokens: TokensOf<C>,
    payload: PayloadOf<C>,
    id?: string,
  ): Answer<ReplyOf<C>> {
    let answer: Answer<ReplyOf<C>> | undefined;
    this.send(contract, tokens, payload, {
      ...(id === undefined ? {} : { id }),
      answered: (value) => {
        answer = value as Answer<ReplyOf<C>>;
      },
    });
    this.clock.runUntil(() => answer !== undefined, 30_000, contract.name);
    return answer as Answer<ReplyOf<C>>;
  }

  /** Sends a message; an ask's answer goes to `answered`. */
  send<C extends MessageContract>(
    contract: C,
    tokens: TokensOf<C>,
    payload: PayloadOf<C>,
    options: { readonly id?: string; readonly answered?: (answer: unknown) => void } = {},
  ): void {
    const message = {
      subject: address(contract as Contract, tokens as never),
      body: encode(contract, payload),
      headers: {
        [TYPE_HEADER]: contentType[contract.codec],
        [ID_HEADER]: options.id ?? `out-${++this.#ids}`,
      },
    };
    if (contract.kind === 'request') {
      this.outside.bus.request(message, contract.timeoutMs, (outcome) =>
        options.answered?.(
          outcome.kind === 'answer'
            ? readAnswer(contract, outcome.body)
            : unanswered(contract, outcome.kind),
        ),
      );
    } else if (contract.kind === 'work') {
      this.server.put(message);
    } else {
      this.outside.bus.publish(message);
    }
  }

  /** Writes a record as somebody else would. */
  store<C extends RecordContract>(
    record: C,
    tokens: TokensOf<C>,
    value: PayloadOf<C> | null,
  ): void {
    this.server.write({
      bucket: record.bucket,
      key: address(record as Contract, tokens as never),
      body: value === null ? null : encode(record, value),
      expected: 'any',
      headers: {},
    });
  }

  /** Reads a record as the store has it. */
  stored<C extends RecordContract>(record: C, tokens: TokensOf<C>): PayloadOf<C> | undefined {
    const key = address(record as Contract, tokens as never);
    const stored = this.server.side(record.bucket).keys.get(key);
    if (!stored?.body) return undefined;
    const decoded = decode(record, stored.body);
    if (!decoded.ok) throw new Error(decoded.reason);
    return decoded.value as PayloadOf<C>;
  }

  /** Subjects and payloads of what a stream holds. */
  appended(contract: Extract<MessageContract, { kind: 'event' }>): readonly unknown[] {
    return this.server
      .appended(contract.stream as never)
      .map((each) => decode(contract, each.body))
      .map((each) => (each.ok ? each.value : undefined));
  }
}
