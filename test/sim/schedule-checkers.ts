/**
 * What must be true of schedules after every single write: what was handled is never due again, a
 * firing that was begun has an outcome, a run is made once for each firing, and nothing is called
 * too late that is not.
 */
import type { Stored } from '../../actors/runtime/ports.ts';
import {
  isAlike,
  type PayloadOf,
  type RecordContract,
  runName,
  runOf,
  type Schedule,
  scheduleRecord,
  spanMs,
  tokensIn,
  type Workload,
  workloadRecord,
} from '../../subjects/index.ts';
import { readAs } from './read.ts';

/** The run of one firing. */
interface Planned {
  readonly firing: number;
  /** When the workload was created that was made of it. */
  madeAt: number | undefined;
}

export class ScheduleCheckers {
  readonly #violation: (what: string) => void;
  readonly #schedules = new Map<string, Schedule>();
  /** By the name of the run; only firings that were planned, not those by hand. */
  readonly #planned = new Map<string, Planned>();

  /** When each run was created that there ever was. */
  readonly #runs = new Map<string, number>();

  constructor(violation: (what: string) => void) {
    this.#violation = violation;
  }

  /** Something was written. */
  wrote({ key, body }: Stored): void {
    if (key.startsWith('schedule.')) this.#schedule(key, read(scheduleRecord, key, body));
    else if (key.startsWith('workload.')) {
      this.#workload(read(workloadRecord, key, body));
    }
  }

  #schedule(key: string, after: Schedule | undefined): void {
    const before = this.#schedules.get(key);
    if (after) this.#schedules.set(key, after);
    else this.#schedules.delete(key);
    if (!after) return;
    const isSame = before?.createdAt === after.createdAt;
    if (before && isSame) this.#change(key, before, after);
    const { pending, handled } = after;
    const run = pending && `${after.tenant}.${runName(after.name, pending.firing)}`;
    if (!run || before?.pending?.firing === pending.firing) return;
    // By hand: a second one of the same name is somebody's wish. One that is there is its run.
    if (handled !== pending.firing) this.#planned.delete(run);
    else
      this.#planned.set(run, {
        firing: pending.firing,
        madeAt: this.#runs.get(run),
      });
  }

  #change(key: string, before: Schedule, after: Schedule): void {
    const isPlanSame = before.since === after.since && isAlike(before.spec.when, after.spec.when);
    if (isPlanSame && (after.handled ?? 0) < (before.handled ?? 0)) {
      this.#violation(`what ${key} has handled went back`);
    }
    const pending = before.pending?.firing;
    if (pending !== undefined && after.pending?.firing !== pending) {
      const { firing, result } = after.history[0] ?? { firing: 0, result: 'missed' };
      const isOver = firing === pending && result !== 'missed' && result !== 'skipped';
      const run = this.#planned.get(`${after.tenant}.${runName(after.name, pending)}`);
      if (result === 'started' && run && run.madeAt === undefined) {
        this.#violation(`${key} says that ${pending} was started, and no run was made`);
      }
      if (!isOver) this.#violation(`${key} has begun the firing ${pending} and told no outcome`);
    }
    const limit = before.spec.startWithin;
    const known = before.history[0];
    for (const { firing, at, result, message } of after.history) {
      if (firing === known?.firing && at === known.at && result === known.result) break;
      const isLate = limit !== undefined && at - firing > spanMs(limit);
      if (message.startsWith('later than') && !isLate) {
        this.#violation(`${key} left the firing ${firing} out at ${at}, within ${limit}`);
      }
    }
  }

  #workload(workload: Workload | undefined): void {
    if (!workload || !runOf(workload)) return;
    const name = `${workload.tenant}.${workload.name}`;
    this.#runs.set(name, workload.createdAt);
    const planned = this.#planned.get(name);
    if (!planned) return;
    // One that was deleted and comes back after a hard kill is as old as it was.
    const isNew = planned.madeAt !== undefined && workload.createdAt > planned.madeAt;
    if (isNew) this.#violation(`${name} runs a second time for the firing ${planned.firing}`);
    planned.madeAt = workload.createdAt;
  }
}

function read<C extends RecordContract>(
  record: C,
  key: string,
  body: Uint8Array | null,
): PayloadOf<C> | undefined {
  const decoded = body && tokensIn(record, key) ? readAs(record, body) : undefined;
  return decoded?.ok ? decoded.value : undefined;
}
