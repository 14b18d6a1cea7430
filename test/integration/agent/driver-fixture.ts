/** What the suites of all drivers need to know of one of them, and the instance they start. */
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { StartInput } from '../../../edge-agent/jobs.ts';
import { wantedSchema } from '../../../subjects/index.ts';

/** One test's engine, and what the suite cannot know of it. */
export interface DriverFixture extends AsyncDisposable {
  /** A driver over this test's folder, as an agent opens it that is started (again). */
  open(): Promise<Driver>;
  /** What its specs need beside a command. */
  readonly spec: object;
  /** A command that listens on $PORT after 0.4 s, and goes on for long. */
  readonly listener: readonly string[];
  /** Resolves when the run has ended, as the engine sees it, though no driver looks. */
  ended(run: number): Promise<void>;
  /** What is left of instances: files, groups, containers. */
  remains(): Promise<readonly string[]>;
  /** Whether what comes before a program goes on without its agent; else it is begun anew. */
  readonly keepsSteps: boolean;
  /** Whether what leaves its session is found: without cgroups a process driver has no means. */
  readonly findsAll: boolean;
  /** How a command is refused that is not there; it contains the name. */
  readonly missing: RegExp;
  /** Where nothing but memory runs: the same in its own words. */
  readonly inMemory?: {
    command(doing: Doing): readonly string[];
    isRunning(): boolean;
    kill(): void;
  };
}

/** What an instance does, in no shell's words. `until-told`: until it is told to stop; then the rest. */
export type Doing = readonly (
  | readonly ['say' | 'complain', string]
  | readonly ['wait', number]
  | readonly ['exit', number]
  | readonly ['run' | 'deaf' | 'until-told']
)[];

/** The same for a shell. */
export function inShell(doing: Doing): readonly string[] {
  const lines = doing.map(([what, of]): string => {
    if (what === 'say') return `echo "${of}"`;
    if (what === 'complain') return `echo "${of}" >&2`;
    if (what === 'wait') return `sleep ${Number(of) / 1000}`;
    if (what === 'exit') return `exit ${of}`;
    if (what === 'deaf') return 'trap "" TERM';
    return 'while :; do sleep 0.05; done';
  });
  const told = doing.findIndex(([what]) => what === 'until-told');
  const heard = told < 0 ? [] : [`trap '${lines.slice(told + 1).join('; ')}' TERM`];
  const all = told < 0 ? lines : [...heard, ...lines.slice(0, told + 1)];
  return ['sh', '-c', all.join('; ')];
}

/** The instance of all these tests, as ledgers name it. */
export const NAME = 'default.w-1';

/** A start of that instance. */
export function startInput(spec: object, run = 1): StartInput {
  const wanted = wantedSchema.parse({ kind: 'service', spec });
  if (wanted.kind !== 'service') throw new Error('a service was wanted');
  const shared = { tenant: 'default', workload: 'w' };
  return {
    ...{ ...shared, name: NAME, instance: 'w-1', run, epoch: 3, attempt: 1 },
    spec: { ...shared, kind: 'service', generation: 1, spec: wanted.spec },
  };
}

/** Whether a process of this machine lives. */
export function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
