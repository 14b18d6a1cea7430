/**
 * Makes sure that each probe and each preStop is answered, within its time and two seconds: with
 * nothing when it went well, else with why not, in a few words for a person.
 */
import { reasonOf } from '../../actors/runtime/reason.ts';
import { type PreStop, type Probe, spanMs } from '../../subjects/index.ts';
import type { Executed } from '../drivers/driver.ts';
import type { Drivers } from '../drivers/drivers.ts';
import { refusalOf } from '../drivers/ports.ts';
import type { PreStopInput, PreStopReport, ProbeInput, ProbeReport, Reachable } from '../jobs.ts';
import { callHttp } from './http.ts';

/** Longest reason that is passed on. */
const REASON_MAX = 300;

/** Nobody can say: neither a success nor a failure. */
class NotKnown extends Error {
  override readonly name = 'NotKnown';
}

/** One run, and how long is waited for it. */
interface Asked extends Reachable {
  readonly name: string;
  readonly run: number;
  readonly timeoutMs: number;
}
type HttpSpec = NonNullable<PreStop['http']>;

export class Prober {
  readonly #drivers: Pick<Drivers, 'exec' | 'staysMs'>;

  constructor(drivers: Pick<Drivers, 'exec' | 'staysMs'>) {
    this.#drivers = drivers;
  }

  async probe({ of, lane, probe, ...where }: ProbeInput): Promise<ProbeReport> {
    const { name, run } = where;
    const timed = await timedReason(() =>
      this.#probe(of, { ...where, timeoutMs: spanMs(of.timeout) }),
    );
    return { name, run, probe, lane, ...timed };
  }

  async preStop({ of, limitMs, ...where }: PreStopInput): Promise<PreStopReport> {
    const { name, run } = where;
    const asked = { ...where, timeoutMs: limitMs };
    const { reason, tookMs } = await timedReason(() => this.#preStop(of, asked));
    return { name, run, reason, tookMs };
  }

  async #probe(of: Probe, asked: Asked): Promise<string | undefined> {
    const { timeoutMs } = asked;
    const { http, tcp, exec, grpc } = of;
    if (http) return httpReason(http, http.status, asked);
    if (exec) return this.#execReason(exec.command, asked);
    if (tcp) {
      const staysMs = this.#drivers.staysMs(asked.name);
      return atPort(tcp.port, asked, (to) => refusalOf(to, { timeoutMs, staysMs }));
    }
    if (grpc) {
      const { service } = grpc;
      // Loaded when it is used: an agent without such probes has no HTTP/2 in memory.
      const { checkGrpc } = await import('./grpc.ts');
      return atPort(grpc.port, asked, (to) => checkGrpc({ ...to, service, timeoutMs }));
    }
    return 'this agent does not know how to ask this: upgrade it';
  }

  async #preStop({ command, http }: PreStop, asked: Asked): Promise<string | undefined> {
    if (command) return this.#execReason(command, asked);
    if (http) return httpReason(http, { from: 200, to: 399 }, asked);
    return 'this agent does not know how to do this: upgrade it';
  }

  /** Throws NotKnown where nobody can say. */
  async #execReason(command: readonly string[], asked: Asked): Promise<string | undefined> {
    const { name, run, timeoutMs } = asked;
    const executed = await this.#drivers.exec({ name, run, command, timeoutMs });
    if (executed.kind === 'unknown') throw new NotKnown(executed.message);
    return reasonIn(executed, timeoutMs);
  }
}

async function timedReason(
  act: () => Promise<string | undefined>,
): Promise<Pick<ProbeReport, 'reason' | 'tookMs' | 'isUnknown'>> {
  const began = performance.now();
  // What a spec makes a library throw is an answer, too.
  let isUnknown = false;
  const found = await act().catch((error) => {
    isUnknown = error instanceof NotKnown;
    return reasonOf(error);
  });
  const reason = found?.replaceAll(/\s+/g, ' ').trim().slice(0, REASON_MAX);
  const tookMs = Math.round(performance.now() - began);
  return { reason, tookMs, ...(isUnknown ? { isUnknown: true } : {}) };
}

async function httpReason(
  { scheme, path, port, headers }: HttpSpec,
  status: { readonly from: number; readonly to: number },
  asked: Asked,
): Promise<string | undefined> {
  const { timeoutMs } = asked;
  return atPort(port, asked, async (to) => {
    const answer = await callHttp({ ...to, scheme, path, headers, timeoutMs });
    if ('problem' in answer) return `${answer.problem} (${scheme} ${path})`;
    const isRight = answer.status >= status.from && answer.status <= status.to;
    return isRight ? undefined : `HTTP ${answer.status} from ${path}`;
  });
}

/** Asks at a named port; the reason says which. */
async function atPort(
  name: string,
  { address: host, ports }: Reachable,
  ask: (to: { readonly host: string; readonly port: number }) => Promise<string | undefined>,
): Promise<string | undefined> {
  const port = ports[name];
  if (port === undefined) return `it has no port ${name}`;
  const reason = await ask({ host, port });
  return reason === undefined || reason.startsWith('HTTP') ? reason : `port ${name}: ${reason}`;
}

/** Why a command did not end with 0; undefined: it did. */
function reasonIn(
  executed: Exclude<Executed, { readonly kind: 'unknown' }>,
  timeoutMs: number,
): string | undefined {
  switch (executed.kind) {
    case 'not-run':
      return executed.message;
    case 'timed-out':
      return withLast(`did not end within ${timeoutMs / 1000} s`, executed.output);
    case 'ended': {
      const { exitCode, signal, output } = executed;
      if (exitCode === 0) return undefined;
      const how = signal === undefined ? `exited with ${exitCode}` : `ended by ${signal}`;
      return withLast(how, output);
    }
  }
}

/** With the last line it printed: there it says why, if anywhere. */
function withLast(how: string, output: string): string {
  const last = output.trimEnd().split('\n').at(-1)?.trim();
  return last ? `${how}: ${last}` : how;
}
