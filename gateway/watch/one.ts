/**
 * Makes sure that who watches one thing sees it at once, again whenever something that is shown of it
 * has changed, and in the same stream that it is gone.
 */
import { isAlike } from '../../subjects/index.ts';
import type { Known, WatchedKind } from '../known.ts';
import type { Outlet } from '../streams/outlet.ts';

/** Changes are told together, in milliseconds: a pool of a thousand slots that refills changes all the time. */
const TOGETHER_MS = 100;

/** Tells now, and soon after each change of a thing or of what belongs to it, until the stream is closed. */
export function watchChanges(
  known: Known,
  outlet: Outlet,
  { kind, key, tell }: { readonly kind: WatchedKind; readonly key: string; tell(): void },
): void {
  let due: NodeJS.Timeout | undefined;
  const unwatch = known.watch(kind, key, () => {
    due ??= setTimeout(() => {
      due = undefined;
      if (outlet.isOpen) tell();
    }, TOGETHER_MS);
  });
  outlet.whenClosed(() => {
    unwatch();
    clearTimeout(due);
  });
  tell();
}

/** Tells `event` with what `read` shows, whenever it shows something else; then `gone`, and ends. */
export function watchOne<T>(
  known: Known,
  outlet: Outlet,
  of: {
    readonly kind: WatchedKind;
    /** Whose changes are looked at: `<tenant>.<name>`, or the id of a node. */
    readonly key: string;
    readonly event: string;
    /** The thing as it is shown now; undefined: there is none. */
    read(): T | undefined;
    /** What is told of one that is gone. */
    readonly gone: Readonly<Record<string, string>>;
  },
): void {
  let told: T | undefined;
  const tell = (): void => {
    const now = of.read();
    if (now === undefined) {
      outlet.send({ event: 'gone', data: of.gone });
      outlet.finish();
      return;
    }
    if (isAlike(now, told)) return;
    told = now;
    outlet.sendOrGiveUp({ event: of.event, data: now });
  };
  watchChanges(known, outlet, { kind: of.kind, key: of.key, tell });
}
