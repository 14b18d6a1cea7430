/**
 * Makes sure that of several copies of an actor one acts, and that another does soon after it is
 * gone. Safety does not rest on it: each write is a compare-and-set. It saves the copies from
 * doing everything twice.
 *
 * I1  A copy acts only while the last renewal that was confirmed was sent less than `ACT_MS` ago.
 * I2  A lease is taken only from a holder that nobody hears (the server knows whether it listens),
 *     or that has not renewed it for `LEASE_MS`, both by the taker's own clock: clocks need not
 *     agree.
 * I3  Each holder's fence is higher than all before.
 * I4  A copy acts only once it has seen all that was stored until it took the lease, and one that
 *     knows for `BEHIND_MS` that it sees only a part gives it back: another may see more.
 * I5  What a stranger writes under the key, readable or not, holds a lease no longer than a holder
 *     that is silent would.
 */
import {
  address,
  contentType,
  encode,
  type Lease as LeaseValue,
  leaseProbe,
  leaseRecord,
  PROTOCOL,
} from '../../subjects/index.ts';
import { type Holders, LOOK_MS } from './holders.ts';
import type { Log } from './log.ts';
import {
  type Close,
  type Ports,
  PROTOCOL_HEADER,
  TYPE_HEADER,
  WRITER_HEADER,
  type WriteResult,
} from './ports.ts';
import type { View } from './view.ts';
import type { Views } from './views.ts';

/** How long a holder may be silent until its lease is taken, in milliseconds. */
export const LEASE_MS = 3_000;
/** How long a holder acts after its last confirmed renewal was sent, in milliseconds. */
const ACT_MS = 2_500;
/** How often a holder renews, in milliseconds. */
const RENEW_MS = 1_000;
/** How long a holder may be without a whole view of the store, in milliseconds: longer than all is read. */
const BEHIND_MS = 5_000;
/** Pause before a holder that could not catch up tries again, in milliseconds. */
const CATCH_UP_MS = 250;

const encoder = new TextEncoder();
/** Leases are whole: an actor has one shard until it is split. */
const SHARD = '0';

interface Around {
  readonly actor: string;
  /** Name of this copy, like no other. */
  readonly copy: string;
  readonly ports: Ports;
  readonly holders: Holders;
  readonly view: View<typeof leaseRecord>;
  /** All that this copy sees. */
  readonly views: Pick<Views, 'isWhole' | 'catchUpWithAll'>;
  readonly log: Log;
  /** This copy acts from now on. */
  acquired(fence: number): void;
  /** It may act for longer: a renewal was confirmed. */
  renewed(): void;
  /** This copy acts no longer. */
  lost(): void;
}

interface Held {
  readonly fence: number;
  revision: number;
  renewals: number;
  /** It has seen what was stored until it took the lease. */
  isActing: boolean;
  /** Since when it sees only a part of what is stored, by `elapsed`; undefined: it sees all. */
  behindSince: number | undefined;
}

/** The lease of one actor, as one copy sees it. */
export class Lease {
  readonly #around: Around;
  readonly #key: string;
  #held: Held | undefined;
  #seen: { readonly revision: number; readonly at: number } = { revision: -1, at: 0 };
  #closeProbe: Close = () => undefined;
  #cancelLook: Close = () => undefined;
  #cancelEnd: Close = () => undefined;
  #isOpen = true;
  #isSettled = false;
  /** Until when a holder acts, by `elapsed`. */
  #actsUntil = 0;
  readonly #waiting: (() => void)[] = [];
  #writes = 0;
  /** Newest revision that a write of this copy met, whether or not the view has it. */
  #met = 0;

  constructor(around: Around) {
    this.#around = around;
    this.#key = address(leaseRecord, { actor: around.actor, shard: SHARD });
  }

  /** Calls back when it is known whether this copy acts. */
  whenSettled(call: () => void): void {
    this.#waiting.push(call);
    if (this.#isSettled) this.#settle();
  }

  /**
   * Whether the last confirmed renewal is young enough to act on (I1). A process that stood still is
   * handed what came meanwhile before its own timers: it may not know yet that its lease is over.
   */
  get stands(): boolean {
    return this.#held !== undefined && this.#around.ports.clock.elapsed() < this.#actsUntil;
  }

  /** Starts to compete. The view must be current. */
  start(): void {
    this.#look();
  }

  /** The record changed: one that was given back is competed for at once. */
  changed(lease: LeaseValue | undefined): void {
    if (this.#isSettled && !this.#held && lease?.holder === '') this.#again(0);
  }

  /** Competes no longer; a lease that is held is given back. */
  close(done: () => void): void {
    this.#isOpen = false;
    this.#cancelLook();
    this.#cancelEnd();
    this.#closeProbe();
    const held = this.#held;
    this.#held = undefined;
    if (held) this.#giveBack(held, done);
    else done();
  }

  /** Ends at once, as if its process had. */
  abort(): void {
    this.#isOpen = false;
    this.#cancelLook();
    this.#cancelEnd();
    this.#closeProbe();
  }

  #again(delayMs: number): void {
    this.#cancelLook();
    if (!this.#isOpen) return;
    this.#cancelLook = this.#around.ports.clock.after(delayMs, () => this.#look());
  }

  #look(): void {
    if (this.#held) return this.#renew(this.#held);
    const { clock } = this.#around.ports;
    const { view } = this.#around;
    const entry = view.at(this.#key);
    const revision = Math.max(view.revision(this.#key), this.#met);
    if (revision !== this.#seen.revision) this.#seen = { revision, at: clock.elapsed() };
    const isSilent = clock.elapsed() - this.#seen.at >= LEASE_MS;
    // The view does not have what stands there yet, or nobody can read it.
    const isUnknown = view.revision(this.#key) < revision;
    const isFree = !isUnknown && (!entry || entry.value.holder === '');
    // Whoever sees only a part leaves it to one that sees more.
    if (!this.#around.views.isWhole) this.#again(LOOK_MS);
    else if (isFree || isSilent) this.#take(entry?.value, revision);
    else if (entry && !isUnknown) this.#probe(entry.value, revision);
    else this.#again(LOOK_MS);
  }

  /** Asks the holder whether it is there. */
  #probe(lease: LeaseValue, revision: number): void {
    const { actor, holders } = this.#around;
    const stillStandingBy = (call: () => void) => (): void => {
      if (this.#isOpen && !this.#held) call();
    };
    holders.look(
      { actor, holder: lease.holder },
      {
        there: stillStandingBy(() => {
          this.#settle();
          this.#again(LOOK_MS);
        }),
        gone: stillStandingBy(() => this.#take(lease, revision)),
        again: stillStandingBy(() => this.#again(0)),
      },
    );
  }

  #take(before: LeaseValue | undefined, revision: number): void {
    const sentAt = this.#around.ports.clock.elapsed();
    const fence = Math.max(before?.fence ?? 0, revision) + 1;
    const { copy } = this.#around;
    this.#write({ holder: copy, fence, renewals: 0 }, revision, (result) => {
      if (!this.#isOpen) return;
      if (result.kind !== 'stored') {
        // Somebody else was quicker, or it is not known: the view will say.
        this.#meet(result);
        this.#again(LOOK_MS);
        return;
      }
      this.#hold(fence, result.revision, sentAt);
    });
  }

  #hold(fence: number, revision: number, sentAt: number): void {
    const { actor, copy, ports } = this.#around;
    const behindSince = ports.clock.elapsed();
    const held: Held = { fence, revision, renewals: 0, isActing: false, behindSince };
    this.#held = held;
    this.#closeProbe = ports.bus.subscribe(
      address(leaseProbe, { actor, holder: copy }),
      undefined,
      (message) => {
        const answer = { ok: true, value: { fence } };
        message.reply?.(encoder.encode(JSON.stringify(answer)), {
          [TYPE_HEADER]: contentType[leaseProbe.codec],
        });
      },
    );
    this.#actUntil(sentAt + ACT_MS);
    this.#again(RENEW_MS);
    this.#catchUp(held);
  }

  #catchUp(held: Held): void {
    const { actor, copy, ports, log } = this.#around;
    this.#around.views.catchUpWithAll((isReached) => {
      if (!this.#isOpen || this.#held !== held) return;
      if (!isReached) {
        ports.clock.after(CATCH_UP_MS, () => this.#held === held && this.#catchUp(held));
        return;
      }
      held.isActing = true;
      held.behindSince = undefined;
      log.info('this copy acts', { actor, id: copy, revision: held.revision });
      this.#around.acquired(held.fence);
      this.#settle();
    });
  }

  /** Whether it has been without a whole view for so long that another copy may do better. */
  #isTooFarBehind(held: Held): boolean {
    const now = this.#around.ports.clock.elapsed();
    if (held.isActing && this.#around.views.isWhole) held.behindSince = undefined;
    else held.behindSince ??= now;
    return held.behindSince !== undefined && now - held.behindSince >= BEHIND_MS;
  }

  #giveBack(held: Held, done: () => void): void {
    this.#write({ ...held, holder: '' }, held.revision, () => done());
  }

  #renew(held: Held): void {
    if (this.#isTooFarBehind(held)) {
      this.#lose('it has not seen all that is stored for too long');
      return this.#giveBack(held, () => undefined);
    }
    const sentAt = this.#around.ports.clock.elapsed();
    const renewals = held.renewals + 1;
    const { copy } = this.#around;
    this.#again(RENEW_MS);
    const wanted = { holder: copy, fence: held.fence, renewals };
    this.#write(wanted, held.revision, (result) => {
      if (!this.#isOpen || this.#held !== held) return;
      if (result.kind === 'stored') {
        held.revision = result.revision;
        held.renewals = renewals;
        this.#actUntil(sentAt + ACT_MS);
        this.#around.renewed();
        return;
      }
      this.#meet(result);
      // A renewal whose answer was lost is this copy's own.
      const entry = this.#around.view.at(this.#key);
      if (entry?.value.holder === copy && entry.value.fence === held.fence) {
        held.revision = entry.revision;
        held.renewals = entry.value.renewals;
      } else if (entry && entry.revision > held.revision) {
        this.#lose('another copy took the lease');
      }
    });
  }

  /** Notes the revision that a write met. */
  #meet(result: WriteResult): void {
    if (result.kind === 'conflict') this.#met = Math.max(this.#met, result.revision ?? 0);
  }

  #actUntil(elapsed: number): void {
    const { clock } = this.#around.ports;
    this.#actsUntil = elapsed;
    this.#cancelEnd();
    this.#cancelEnd = clock.after(Math.max(0, elapsed - clock.elapsed()), () =>
      this.#lose('the lease could not be renewed'),
    );
  }

  #lose(reason: string): void {
    const held = this.#held;
    if (!held) return;
    const { actor, copy, log } = this.#around;
    this.#held = undefined;
    this.#cancelEnd();
    this.#closeProbe();
    log.warn('this copy acts no longer', { actor, id: copy, reason });
    if (held.isActing) this.#around.lost();
    this.#again(LOOK_MS);
  }

  #settle(): void {
    this.#isSettled = true;
    for (const call of this.#waiting.splice(0)) this.#around.ports.clock.soon(call);
  }

  #write(
    of: Pick<LeaseValue, 'holder' | 'fence' | 'renewals'>,
    expected: number,
    done: (result: WriteResult) => void,
  ): void {
    const { actor, copy, ports } = this.#around;
    const { holder, fence, renewals } = of;
    const value: LeaseValue = { actor, shard: SHARD, holder, fence, renewals };
    this.#writes++;
    const headers = {
      [TYPE_HEADER]: contentType[leaseRecord.codec],
      [WRITER_HEADER]: `lease-${copy}/${this.#writes}`,
      [PROTOCOL_HEADER]: String(PROTOCOL),
    };
    const body = encode(leaseRecord, value);
    const write = { bucket: leaseRecord.bucket, key: this.#key, body, expected, headers };
    ports.store.write([write], ([result]) => done(result ?? { kind: 'unanswered' }));
  }
}
