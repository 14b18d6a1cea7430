/**
 * What comes before a container's program: each step in a container of its own, of the same image and
 * with the same environment and limits, without ports. Their output goes where the program's goes.
 *
 * An agent that dies in the middle leaves it to the next one to begin anew: nobody would go on to the
 * next step.
 */
import type Docker from 'dockerode';
import { type InitStep, spanMs, stepText } from '../../../subjects/index.ts';
import type { StartInput } from '../../jobs.ts';
import { programOf } from '../../parts.ts';
import type { RunFolder } from '../run-folder.ts';
import { limitStarted } from './bandwidth.ts';
import { type End, endIn } from './container.ts';
import { createContainer } from './create.ts';
import type { Engine } from './engine.ts';
import type { Left } from './left.ts';
import { beginOutput, OutputCopy } from './output.ts';
import type { StartStop } from './starts.ts';

/** How often it is looked whether a step has ended, in milliseconds. */
const LOOK_MS = 100;

/** What a step needs. */
export interface Around {
  readonly engine: Engine;
  readonly folder: RunFolder;
  readonly input: StartInput;
  /** What the program's container is made of. */
  readonly options: Docker.ContainerCreateOptions;
  /** Once it is told, the step is ended as an instance is. */
  readonly stop: StartStop;
  /** What cannot be removed of a step is ended before anything else of its instance begins. */
  readonly left: Left;
  /** Gets the image once more. */
  obtain(): Promise<void>;
  /** Told before each step. */
  tell(message: string): void;
}

/** Runs all steps. Throws with the reason when one of them does not end with 0, or is to stop. */
export async function runInit(around: Around): Promise<void> {
  const steps = programOf(around.input).init ?? [];
  for (const [index, step] of steps.entries()) {
    around.tell(stepText(steps, index));
    const end = await runStep(around, index, step);
    if (around.stop.signal.aborted) throw new Error(`told to stop at ${stepText(steps, index)}`);
    if (end.exitCode === 0) continue;
    const how = end.signal === undefined ? `exited with ${end.exitCode}` : `ended by ${end.signal}`;
    throw new Error(`${stepText(steps, index)} ${end.message ?? how}`);
  }
}

/** Names of the containers of the steps of a run. */
export function stepNames(container: string, steps: readonly InitStep[]): readonly string[] {
  return steps.map((_, index) => stepName(container, index));
}

function stepName(container: string, index: number): string {
  return `${container}-init-${index}`;
}

async function runStep(around: Around, index: number, { command }: InitStep): Promise<End> {
  const { engine, folder, input, options, stop, left } = around;
  const name = stepName(options.name ?? '', index);
  const { ExposedPorts: _ports, HostConfig: host, ...rest } = options;
  const { PortBindings: _bindings, ...limits } = host ?? {};
  await beginOutput(folder, input.run);
  const made = { ...rest, name, Entrypoint: [...command], HostConfig: limits };
  left.add(input.name, name);
  await createContainer(engine, made, () => around.obtain());
  const copy = new OutputCopy(folder, input.run, engine, name);
  try {
    await engine.start(name);
    await limitStarted(engine, name, input);
    copy.start();
    return await endOf(engine, name, stop, spanMs(input.spec.spec.grace));
  } finally {
    await copy.finish();
    await left.remove(input.name, name).catch(() => undefined);
  }
}

/** Waits for the end of a step; once it is to stop, with its grace, or less where that was told. */
async function endOf(engine: Engine, name: string, stop: StartStop, graceMs: number): Promise<End> {
  let killAt: number | undefined;
  for (;;) {
    const end = endIn(await engine.inspect(name));
    if (end) return end;
    if (stop.signal.aborted && killAt === undefined) {
      killAt = performance.now() + graceMs;
      await engine.kill(name, 'SIGTERM').catch(() => undefined);
    }
    if (killAt !== undefined && performance.now() >= Math.min(killAt, stop.endsAt)) {
      await engine.kill(name, 'SIGKILL').catch(() => undefined);
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}
