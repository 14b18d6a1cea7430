/** What a Docker engine says it can limit, put into an offer; asked again whenever the engine is back. */
import { hostname, release } from 'node:os';
import type { AllowedMount, DriverOffer } from '../../../subjects/index.ts';
import { lackingBelow } from '../lacking.ts';
import { type Lacking, offering } from '../offers.ts';
import { lackingBandwidth } from './bandwidth.ts';
import type { Engine } from './engine.ts';
import { outOfReach } from './engine-place.ts';
import { noNetworkHeld } from './group-network.ts';
import { findLimitedDisks, type LimitedDisks } from './iops.ts';

export interface OfferAround {
  readonly engine: Pick<Engine, 'info'>;
  /** Folder of the driver. */
  readonly state: string;
  /** What of this machine its containers may have. */
  readonly mounts: readonly AllowedMount[];
}

export class EngineOffer {
  readonly #of: OfferAround;
  /** What no engine could do here. */
  readonly #lacking: Lacking;
  #last: DriverOffer | undefined;
  #disks: LimitedDisks = { why: 'the engine has not answered yet' };

  private constructor(of: OfferAround, lacking: Lacking) {
    this.#of = of;
    this.#lacking = lacking;
  }

  /** Finds out what can be done here, whatever the engine. */
  static async open(of: OfferAround): Promise<EngineOffer> {
    const tried = await Promise.all([lackingBelow(of.state), lackingBandwidth()]);
    return new EngineOffer(of, Object.assign({}, noNetworkHeld(process.arch), ...tried));
  }

  /** What the engine said last; undefined: it has not answered yet. */
  get last(): DriverOffer | undefined {
    return this.#last;
  }

  /** On which disks its containers can be limited. */
  get disks(): LimitedDisks {
    return this.#disks;
  }

  /** Asks the engine what it can do; whether that is something else than before. One that is away changes nothing. */
  async ask(): Promise<boolean> {
    const before = JSON.stringify(this.#last);
    await this.#ask().catch(() => undefined);
    return JSON.stringify(this.#last) !== before;
  }

  async #ask(): Promise<void> {
    const { engine, state, mounts } = this.#of;
    const info = await engine.info();
    const why = outOfReach(info, { hostname: hostname(), kernel: release() });
    this.#disks = why === undefined ? await findLimitedDisks(info, state) : { why };
    const lacking = {
      ...(why === undefined ? {} : { 'bandwidth-limit': why }),
      ...(this.#disks.disks ? {} : { 'iops-limit': this.#disks.why }),
      ...this.#lacking,
    };
    const offer = offering({ version: info.version.slice(0, 64), ...limitsIn(info) }, lacking);
    this.#last = mounts.length === 0 ? offer : { ...offer, mounts: [...mounts] };
  }
}

/** Limits the engine sets by itself. */
function limitsIn(
  info: Awaited<ReturnType<Engine['info']>>,
): Pick<DriverOffer, 'enforces' | 'notEnforced'> {
  const enforces: string[] = [];
  const notEnforced: Record<string, string> = {};
  const limits = [
    ['cpu', info['CpuCfsQuota'] === true],
    ['memory', info['MemoryLimit'] === true],
    ['pids', info['PidsLimit'] === true],
  ] as const;
  for (const [limit, can] of limits) {
    if (can) enforces.push(limit);
    else notEnforced[limit] = 'the engine says that its kernel does not';
  }
  return { enforces, notEnforced };
}
