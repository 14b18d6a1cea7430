/**
 * What a driver is: a way to run instances, in the agent's shell. It starts, ends and forgets what
 * it is told to, reports what becomes of it, and knows after a restart of the agent what it left
 * running. It decides nothing: policy is the runner's (runner.ts).
 *
 * Promises every driver makes (held by the conformance suite):
 *  D1  `start` reports `started` at most once and `exited` exactly once, in that order; without
 *      `started` when nothing could be started.
 *  D2  `stop` of what runs ends in `exited` within its grace and a second; of anything else it
 *      does nothing.
 *  D3  After a crash of the agent `found` lists every start that was reported or could have been,
 *      and goes on reporting for it.
 *  D4  After `forget` nothing of the instance is left: no process, file or cgroup.
 */
import type { DriverOffer } from '../../subjects/index.ts';
import type { Found, InstanceReport, StartInput, StopInput } from '../jobs.ts';

export type Report = (report: InstanceReport) => void;

export interface Driver {
  readonly name: string;
  /** What it can enforce here, and what it honestly cannot. */
  offer(): Promise<DriverOffer>;
  /** What an earlier process of this agent started; reports of it go to `report` from now on. */
  found(report: Report): Promise<readonly Found[]>;
  start(input: StartInput, report: Report): void;
  stop(input: StopInput): void;
  /** What runs here counts as of this epoch now. */
  relabel(name: string, epoch: number): void;
  forget(name: string): void;
}
