/**
 * Makes sure that an ask reaches somebody who answers: the server hands it to one of the copies
 * that listen, and one that stands still but is connected keeps what it gets. So while there is no
 * answer the same ask, under the same id, is sent again, to whomever it then reaches, and the
 * first answer counts, whichever try it answers. Actors do an ask once, however often it comes
 * (R3), so a slow answer is not made slower by it, and nothing is done twice.
 */
import type { Close, Outgoing, Ports, RequestOutcome } from './ports.ts';

/**
 * How long an answer is waited for before the ask is sent again, in milliseconds. Far above what
 * an answer takes (0.2 ms; a commit on a slow disk 20 ms), and short enough for three copies of
 * which one stands still to be met with less than two in a hundred tries lost within a second.
 */
export const TRY_MS = 250;

/**
 * Asks until there is an answer, for at most `withinMs`; `done` is called once. Where nobody
 * listens, `isPatient` waits for somebody to come. The returned function gives up: `done` is then
 * not called any more, and nothing is sent.
 */
export function askAgain(
  ports: Pick<Ports, 'bus' | 'clock'>,
  message: Outgoing,
  options: { readonly withinMs: number; readonly isPatient: boolean },
  done: (outcome: RequestOutcome) => void,
): Close {
  const { bus, clock } = ports;
  const deadline = clock.elapsed() + options.withinMs;
  /** Tries that somebody may still answer. */
  let open = 0;
  let isDone = false;
  let cancel = (): void => undefined;
  const finish = (outcome: RequestOutcome): void => {
    if (isDone) return;
    isDone = true;
    cancel();
    done(outcome);
  };
  const attempt = (): void => {
    const leftMs = deadline - clock.elapsed();
    if (leftMs <= 0) return finish({ kind: open > 0 ? 'timeout' : 'none' });
    open++;
    cancel = clock.after(Math.min(TRY_MS, leftMs), attempt);
    bus.request(message, leftMs, (outcome) => {
      open--;
      if (outcome.kind === 'none' && (options.isPatient || open > 0)) return;
      finish(outcome);
    });
  };
  attempt();
  return () => {
    isDone = true;
    cancel();
  };
}
