/** What a step wanted, read from its effects. */
import type { Effect, Effects } from '../../actors/runtime/effect.ts';
import {
  type Answer,
  eventNoticed,
  type MessageContract,
  type PayloadOf,
  type RecordContract,
  type TokensOf,
} from '../../subjects/index.ts';

type Of<K extends Effect['kind']> = Extract<Effect, { readonly kind: K }>;

/** The effects of one kind. */
export function ofKind<K extends Effect['kind']>(effects: Effects, kind: K): Of<K>[] {
  return effects.filter((each): each is Of<K> => each.kind === kind);
}

/** What is written under a contract, in order. */
export function written<C extends RecordContract>(effects: Effects, record: C): PayloadOf<C>[] {
  return puts(effects, record).flatMap((each) =>
    each.value === null ? [] : [each.value as never],
  );
}

/** Tokens of what is deleted under a contract, in order. */
export function deleted<C extends RecordContract>(effects: Effects, record: C): TokensOf<C>[] {
  return puts(effects, record).flatMap((each) =>
    each.value === null ? [each.tokens as TokensOf<C>] : [],
  );
}

/** Names of the records each commit writes, commit by commit. */
export function stages(effects: Effects): readonly (readonly string[])[] {
  return ofKind(effects, 'commit').map((each) => [
    ...new Set(each.puts.map(({ record, value }) => `${value === null ? '-' : ''}${record.name}`)),
  ]);
}

/** What is sent under a contract, with its tokens. */
export function sent<C extends MessageContract>(
  effects: Effects,
  contract: C,
): { readonly tokens: TokensOf<C>; readonly payload: PayloadOf<C> }[] {
  return effects.flatMap((each) =>
    (each.kind === 'publish' || each.kind === 'work' || each.kind === 'request') &&
    each.contract.name === contract.name
      ? [{ tokens: each.tokens as TokensOf<C>, payload: each.payload as PayloadOf<C> }]
      : [],
  );
}

/** The events among effects, as `noun id verb`. */
export function told(effects: Effects): string[] {
  return sent(effects, eventNoticed).map(({ payload }) =>
    [payload.noun, payload.id, payload.verb].join(' '),
  );
}

/** The one answer among effects. Throws where there is none, or more than one. */
export function answerIn(effects: Effects): Answer<unknown> {
  const [first, ...others] = ofKind(effects, 'reply');
  if (!first || others.length > 0) throw new Error(`${others.length + 1} answers, not one`);
  return first.answer as Answer<unknown>;
}

/** The code of the refusal that is the answer; undefined: it is a value. */
export function codeIn(effects: Effects): string | undefined {
  const answer = answerIn(effects);
  return answer.ok ? undefined : answer.refusal.code;
}

function puts(effects: Effects, record: RecordContract) {
  return ofKind(effects, 'commit').flatMap((each) =>
    each.puts.filter((one) => one.record.name === record.name),
  );
}
