/** From where and to where a copy goes, as `shoal cp` is told it. Pure. */
import { UsageFailure } from '../failure.ts';

/** One end of a copy. */
export type CopyEnd =
  | { readonly kind: 'instance'; readonly name: string; readonly path: string }
  | { readonly kind: 'here'; readonly path: string }
  /** An archive on stdin or stdout. */
  | { readonly kind: 'archive' };

/** What a copy is, seen from here. */
export type Copy =
  | {
      readonly direction: 'to';
      readonly from: Exclude<CopyEnd, { readonly kind: 'instance' }>;
      readonly to: Extract<CopyEnd, { readonly kind: 'instance' }>;
    }
  | {
      readonly direction: 'from';
      readonly from: Extract<CopyEnd, { readonly kind: 'instance' }>;
      readonly to: Exclude<CopyEnd, { readonly kind: 'instance' }>;
    };

/** One end. What has a colon after a plain name is in an instance; `./a:b` is a file here. */
function endOf(text: string): CopyEnd {
  if (text === '-') return { kind: 'archive' };
  const [, name, path] = /^([A-Za-z0-9][A-Za-z0-9-]*):(.*)$/s.exec(text) ?? [];
  if (name === undefined) return { kind: 'here', path: text };
  return { kind: 'instance', name, path: path || '/' };
}

/** Both ends. Throws UsageFailure where not exactly one of them is in an instance. */
export function copyOf(fromText: string, toText: string): Copy {
  const [from, to] = [endOf(fromText), endOf(toText)];
  if (from.kind === 'instance' && to.kind !== 'instance') return { direction: 'from', from, to };
  if (from.kind !== 'instance' && to.kind === 'instance') {
    // What comes on stdin has no one name: it goes into a folder that is there.
    const path = from.kind === 'archive' ? `${to.path.replace(/\/+$/, '')}/` : to.path;
    return { direction: 'to', from, to: { ...to, path } };
  }
  const both = from.kind === 'instance';
  throw new UsageFailure(
    both
      ? 'one of both must be here: copy out of the one instance, then into the other'
      : 'one of both must be in an instance: NAME:PATH; what is here and has a colon is ./FILE',
  );
}
