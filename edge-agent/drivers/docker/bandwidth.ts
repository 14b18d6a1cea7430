/**
 * Makes sure that a container whose spec limits its bandwidth sends and gets no more, from right
 * after it was started until its end. Both queues are the kernel's: they stay when the agent goes,
 * and go with the container's network. A program cannot undo them: it lacks NET_ADMIN by the engine's
 * default, and NET_RAW, with which it could pass them by (container.ts).
 */
import { execFile } from 'node:child_process';
import { readlink } from 'node:fs/promises';
import { promisify } from 'node:util';
import { reasonOf } from '../../../actors/runtime/reason.ts';
import { bits } from '../../../subjects/index.ts';
import type { StartInput } from '../../jobs.ts';
import type { Lacking } from '../offers.ts';
import { endsOf, type Link, linksTold, queueOf } from './bandwidth-shape.ts';
import type { Engine } from './engine.ts';
import { sentence } from './engine-error.ts';

const call = promisify(execFile);

/** How long one program may take, in milliseconds: each asks the kernel one thing. */
const CALL_MS = 5_000;
/** Most bytes of one answer: some 500 for each container of the machine. */
const ANSWER_BYTES_MAX = 16 * 2 ** 20;

/** How long an engine may take to hear that a process of its has ended, and how often it is asked, in milliseconds. */
const END_HEARD_MS = 5_000;
const END_ASKED_MS = 50;

/** What the trial sets: any rate does. */
const TRIAL = queueOf(8_000_000, 65_536);

/**
 * Limits what every interface of a process' network sends and gets, to so many bits a second each way.
 * `pid`: as this machine counts. Set again it changes nothing. Throws with why it cannot be set.
 */
export async function limitBandwidth(pid: number, bitsPerSecond: number): Promise<void> {
  const [own, its] = await Promise.all(
    ['self', pid].map((each) => readlink(`/proc/${each}/ns/net`)),
  );
  // Or its id is another engine's: then this would be the machine's own network.
  if (own === its) throw new Error("its network is the agent's own");
  const within = ['-t', String(pid), '-n', '--'];
  const list = ['-j', 'link', 'show'];
  const [inside, outside] = await Promise.all([
    run('nsenter', [...within, 'ip', ...list]).then(links),
    run('ip', [...list, 'type', 'veth']).then(links),
  ]);
  for (const ends of endsOf(inside, outside)) {
    const queue = ['root', ...queueOf(bitsPerSecond, ends.mtu)];
    const at = (name: string) => ['qdisc', 'replace', 'dev', name, ...queue];
    await Promise.all([
      run('nsenter', [...within, 'tc', ...at(ends.inside)]),
      run('tc', at(ends.outside)),
    ]);
  }
}

/** Limits a container that runs as the spec of its instance says. Throws with why it could not. */
export async function limitContainer(
  engine: Pick<Engine, 'inspect'>,
  container: string,
  input: Pick<StartInput, 'spec'>,
): Promise<void> {
  // The instance's, for its sidecars, too: they share its network.
  const limit = input.spec.spec.limits.bandwidth;
  if (limit === undefined) return;
  const pid = async () => (await engine.inspect(container))?.State.Pid || undefined;
  try {
    const its = await pid();
    if (its !== undefined) await limitBandwidth(its, bits(limit));
  } catch (error) {
    // What has ended meanwhile sends nothing any more.
    if (!(await hasEnded(pid))) {
      throw new Error(`its bandwidth cannot be limited: ${reasonOf(error)}`);
    }
  }
}

/**
 * Whether a container has ended, by the word of its engine. It may say so a while after the process is
 * gone (Podman: when its monitor was heard); a process that was never seen here may be another machine's.
 */
async function hasEnded(pid: () => Promise<number | undefined>): Promise<boolean> {
  const until = performance.now() + END_HEARD_MS;
  do {
    const its = await pid().catch(() => null);
    if (its === undefined) return true;
    const isHere = await readlink(`/proc/${its}/ns/net`).then(
      () => true,
      () => false,
    );
    if (isHere) return false;
    await new Promise((resolve) => setTimeout(resolve, END_ASKED_MS));
  } while (performance.now() < until);
  return false;
}

/** The same right after it was started: what cannot be limited is ended, and then it is said why. */
export async function limitStarted(
  engine: Pick<Engine, 'inspect' | 'kill'>,
  container: string,
  input: Pick<StartInput, 'spec'>,
): Promise<void> {
  try {
    await limitContainer(engine, container, input);
  } catch (error) {
    await engine.kill(container, 'SIGKILL').catch(() => undefined);
    throw error;
  }
}

/** Why no container of any engine could be limited here, found out by trying it on a network of its own. */
export async function lackingBandwidth(): Promise<Lacking> {
  const trial = ['-t', String(process.pid), '-n', '--', 'unshare', '-n'];
  try {
    await run('nsenter', [...trial, 'tc', 'qdisc', 'replace', 'dev', 'lo', 'root', ...TRIAL]);
    links(await run('nsenter', [...trial, 'ip', '-j', 'link', 'show']));
    return {};
  } catch (error) {
    return { 'bandwidth-limit': `it cannot be tried: ${reasonOf(error)}`.slice(0, 200) };
  }
}

function links(text: string): readonly Link[] {
  return linksTold.parse(JSON.parse(text));
}

async function run(program: string, words: readonly string[]): Promise<string> {
  try {
    const limits = { timeout: CALL_MS, maxBuffer: ANSWER_BYTES_MAX };
    return (await call(program, words, limits)).stdout;
  } catch (error) {
    const { code, stderr } = error as { readonly code?: unknown; readonly stderr?: string };
    if (code === 'ENOENT') throw new Error(`there is no ${program} on the agent's PATH`);
    throw new Error(`${program}: ${sentence(stderr || reasonOf(error))}`);
  }
}
