/**
 * Makes sure that what is started runs, or that its end is told with the reason, when nothing of it is
 * left. Each in the turn of its instance.
 */
import { reasonOf } from '../../../actors/runtime/reason.ts';
import type { StartInput } from '../../jobs.ts';
import { programOf } from '../../parts.ts';
import type { Report } from '../driver.ts';
import { type Kept, RunFolder } from '../run-folder.ts';
import { limitStarted } from './bandwidth.ts';
import { containerName, createOptions, type End } from './container.ts';
import { createContainer } from './create.ts';
import { EngineError, isUnanswered } from './engine-error.ts';
import type { Holding } from './holding.ts';
import { obtainImage } from './image.ts';
import { runInit } from './init.ts';
import { iopsLimits } from './iops.ts';
import { beginOutput } from './output.ts';
import { placesOf } from './places.ts';
import { Run } from './run.ts';
import type { StartStop } from './starts.ts';

/** Resolves when it runs. Throws with why it does not: then `notStarted` is for what there may be of it. */
export async function startRun(
  held: Holding,
  input: StartInput,
  { report, stop }: { readonly report: Report; readonly stop: StartStop },
): Promise<void> {
  const { name, run: number } = input;
  const program = programOf(input);
  const before = held.runs.get(name);
  if (before && !before.isOver) throw new Error('cannot be started: it runs already');
  await stop.before(before?.done);
  const { address, node, agent, credentials, mounts: allowed } = held.settings;
  const given = await held.given.take(input);
  const kept: Kept = { input, epoch: input.epoch, address, ...given, startedAt: Date.now() };
  held.kept.set(name, kept);
  const folder = held.folder(name);
  await folder.prepare(kept);
  const tell = (message: string) => report({ name, run: number, kind: 'preparing', message });
  const { engine, images } = held;
  const holder = { folder: credentials, tenant: input.tenant };
  const silentMs = held.settings.registrySilentMs;
  const pull = { engine, images, spec: program, stop: stop.signal, holder, silentMs, tell };
  const obtain = () => obtainImage(pull);
  await obtain();
  const { volumes } = RunFolder.shared(held.state, name);
  const mounts = await placesOf(folder, { run: number, spec: program, volumes }, allowed);
  const network = await held.groups.enter(kept, { stop: stop.signal, obtain });
  const io = iopsLimits(input.spec.spec, held.offer.disks);
  const options = createOptions({ agent, node, input, address, ...given, mounts, network, io });
  await held.left.end(name);
  await runInit({ engine, folder, input, options, stop, left: held.left, obtain, tell });
  await beginOutput(folder, number);
  // From here on it counts how long it runs; nothing else is done about it meanwhile.
  const begun = { ...kept, startedAt: Date.now() };
  held.kept.set(name, begun);
  await folder.keep(begun);
  const container = containerName(agent, input);
  held.left.add(name, container);
  await createContainer(engine, options, obtain);
  if (stop.signal.aborted) throw new Error('told to stop before it was started');
  await engine.start(container);
  await limitStarted(engine, container, input);
  const run = new Run(begun, held.around(begun, report));
  held.runs.set(name, run);
  held.left.drop(name, container);
  run.started(await engine.inspect(container));
}

/** Whatever there is of a start that failed goes, and then its end is told: nothing of it may run. */
export async function notStarted(
  held: Holding,
  input: StartInput,
  { report, error }: { readonly report: Report; readonly error: unknown },
): Promise<void> {
  const { name, run: number } = input;
  const run = held.runs.get(name);
  if (run?.number === number) {
    // It runs, only nobody can say how: the engine went away in between.
    return run.started(undefined);
  }
  const isUntried = isUnanswered(error) || (isUnsaid(error) && !(await held.engine.answers()));
  const message = reasonOf(error);
  const end: End = {
    ...{ exitCode: undefined, signal: undefined, message },
    ...(isUntried ? { isUntried } : {}),
  };
  const tell = async (): Promise<void> => {
    await held.groups.left(input);
    // Another run may have taken its place since.
    if (held.kept.get(name)?.input.run === number) {
      await held
        .folder(name)
        .noteExit(number, JSON.stringify(end))
        .catch(() => undefined);
      held.release(name);
    }
    report({ name, run: number, kind: 'exited', ...end });
  };
  // It may run: until its engine has said that it does not, only why nothing is told of it is.
  const waits = () => report({ name, run: number, kind: 'preparing', message });
  await held.unanswered.whenGone(input, tell, waits);
}

/** Whether it is not from its engine: then that may have gone away below it. */
function isUnsaid(error: unknown): boolean {
  return !(error instanceof EngineError);
}
