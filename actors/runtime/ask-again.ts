/**
 * Makes sure that an ask reaches somebody who answers: the server hands it to one of the copies
 * that listen, and one that stands still but is connected keeps what it gets. So while there is no
 * answer the same ask, under the same id, is sent again, to whomever it then reaches, and the
 * first answer counts, whichever try it answers. Actors do an ask once, however often it comes
 * (R3), so nothing is done twice. When an answer counts as missing: answer-pace.ts.
 */
import { type AnswerPace, TRY_MS } from './answer-pace.ts';
import type { Close, Outgoing, Ports, RequestOutcome } from './ports.ts';

/** An ask that may be repeated at all is sent so often in its time, however slow answers are. */
const TRIES_MIN = 4;

/**
 * Asks until there is an answer, for at most `withinMs`; `done` is called once. Where nobody
 * listens, `isPatient` waits for somebody to come. `open`: how many tries nobody has answered, which may
 * be on their way yet. The returned function gives up: `done` is then not called any more, and nothing
 * is sent. `pace`: how long answers to such an ask take.
 */
export function askAgain(
  ports: Pick<Ports, 'bus' | 'clock'>,
  message: Outgoing,
  options: { readonly withinMs: number; readonly isPatient: boolean; readonly pace: AnswerPace },
  done: (outcome: RequestOutcome, open: number) => void,
): Close {
  const { bus, clock } = ports;
  const { pace, withinMs } = options;
  const mostMs = Math.max(TRY_MS, withinMs / TRIES_MIN);
  const deadline = clock.elapsed() + withinMs;
  /** Tries that somebody may still answer. */
  let open = 0;
  let isDone = false;
  let cancel = (): void => undefined;
  const finish = (outcome: RequestOutcome): void => {
    if (isDone) return;
    isDone = true;
    cancel();
    done(outcome, open);
  };
  const attempt = (): void => {
    const sentAt = clock.elapsed();
    const leftMs = deadline - sentAt;
    if (leftMs <= 0) return finish({ kind: open > 0 ? 'timeout' : 'none' });
    open++;
    const soonest = (): number => sentAt + Math.min(pace.tryMs, mostMs);
    // Whether answers have become slow is known by those that came since it was sent.
    const look = (): void => {
      const waitMs = Math.min(soonest(), deadline) - clock.elapsed();
      if (waitMs < 1) attempt();
      else cancel = clock.after(waitMs, look);
    };
    cancel = clock.after(Math.max(1, Math.min(soonest() - sentAt, leftMs)), look);
    bus.request(message, leftMs, (outcome) => {
      open--;
      if (outcome.kind === 'none' && (options.isPatient || open > 0)) return;
      if (outcome.kind === 'answer' && !isDone) pace.heard(clock.elapsed() - sentAt);
      finish(outcome);
    });
  };
  attempt();
  return () => {
    isDone = true;
    cancel();
  };
}
