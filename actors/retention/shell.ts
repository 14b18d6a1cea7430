/** Makes sure that what the retention actor wants done is done on a keeper and a store. */
import { storeSubject } from '../../subjects/index.ts';
import type { Keeper } from '../runtime/keeper.ts';
import type { Job, Store, Term, Write } from '../runtime/ports.ts';
import { Cut } from './cut.ts';
import {
  type ClearInput,
  KEYS_MAX,
  type KeySeen,
  type KeysInput,
  type KeysReport,
  type PurgeInput,
  patternOf,
  type SurveyInput,
  type SurveyReport,
  tenantIn,
  type WeighInput,
  type WeighReport,
} from './jobs.ts';

/** Markers removed at the same time: each is a call of the server's API. */
const PURGES_IN_FLIGHT_MAX = 32;

/** The jobs of the retention actor. */
export function retentionJobs(keeper: Keeper, store: Store): Readonly<Record<string, Job>> {
  return {
    survey: (input, report) => survey(keeper, input as SurveyInput, report),
    weigh: (input, report) => weigh(keeper, input as WeighInput, report),
    purge: (input, report, under) => {
      const { stream, tenant, before } = input as PurgeInput;
      const of = { stream, pattern: patternOf(stream, tenant), before, under };
      keeper.purge(of, (count) => report({ count }));
    },
    keys: (input, report) => readKeys(keeper, input as KeysInput, report),
    clear: (input, report, under) =>
      clear(keeper, store, { ...(input as ClearInput), under }, () => report({})),
  };
}

function survey(
  keeper: Keeper,
  { stream }: SurveyInput,
  report: (outcome: SurveyReport) => void,
): void {
  const counts = new Map<string, number>();
  keeper.survey(
    { stream, pattern: patternOf(stream) },
    (subject, count) => {
      const tenant = tenantIn(stream, subject);
      if (tenant !== undefined) counts.set(tenant, (counts.get(tenant) ?? 0) + count);
    },
    (found) => report(found ? { kind: 'survey', ...found, counts } : { kind: 'failed' }),
  );
}

function weigh(
  keeper: Keeper,
  { stream, tenant, limits, now }: WeighInput,
  report: (outcome: WeighReport) => void,
): void {
  const cut = new Cut(limits, now);
  keeper.weigh(
    { stream, pattern: patternOf(stream, tenant) },
    (message) => cut.take(message),
    (isWhole) => report(isWhole ? { kind: 'weight', ...cut.weight } : { kind: 'failed' }),
  );
}

function readKeys(
  keeper: Keeper,
  { bucket }: KeysInput,
  report: (outcome: KeysReport) => void,
): void {
  const cut = storeSubject(bucket, '').length;
  let keys: KeySeen[] = [];
  let markers = 0;
  const tell = (): void => {
    if (keys.length > 0) report({ kind: 'keys', keys });
    keys = [];
  };
  keeper.weigh(
    { stream: `KV_${bucket}`, pattern: storeSubject(bucket, '>') },
    ({ subject, sequence, at, isMarker }) => {
      if (isMarker) markers++;
      keys.push({ key: subject.slice(cut), revision: sequence, at, isMarker });
      if (keys.length >= KEYS_MAX) tell();
    },
    (isWhole) => {
      tell();
      report({ kind: 'end', markers, isWhole });
    },
  );
}

/** Deletes values that are as they were seen, and removes markers for good. */
function clear(
  keeper: Keeper,
  store: Store,
  { bucket, keys, under }: ClearInput & { readonly under: Term },
  done: () => void,
): void {
  const writes = keys
    .filter((each) => !each.isMarker)
    .map(({ key, revision }): Write => {
      return { bucket, key, body: null, expected: revision, headers: {} };
    });
  const markers = keys.filter((each) => each.isMarker);
  let open = 0;
  const next = (): void => {
    while (open < PURGES_IN_FLIGHT_MAX && markers.length > 0) {
      const { key, revision } = markers.shift() as KeySeen;
      open++;
      const before = revision + 1;
      const pattern = storeSubject(bucket, key);
      keeper.purge({ stream: `KV_${bucket}`, pattern, before, under }, () => {
        open--;
        if (open === 0 && markers.length === 0) done();
        else next();
      });
    }
  };
  const purge = (): void => (markers.length > 0 ? next() : done());
  if (writes.length > 0) store.write(writes, purge);
  else purge();
}
