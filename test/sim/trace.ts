/** The trace of a world: what a person reads to find out why a seed failed. One line per step. */
import type { Effect, Effects, Put } from '../../actors/runtime/effect.ts';
import { address } from '../../subjects/index.ts';
import type { Came } from './watched-steps.ts';

/** Width of the column that says who took the step. */
const WHO = 24;

/** What came to an actor's copy, and what it decided. */
export function stepLine(who: string, { label, message }: Came, decided: Effects | Error): string {
  const what =
    decided instanceof Error
      ? `threw: ${decided.message}`
      : decided.map(effectWords).join(', ') || 'nothing';
  return `${who.padEnd(WHO)} ${label}${aboutWords(message)} -> ${what}`;
}

/** What a message is about: its tokens and id, the key of a timer or of a record with its revision. */
function aboutWords(message: unknown): string {
  const { tokens, id, key, revision, change } = message as {
    readonly [name: string]: string | undefined;
  } & { readonly tokens?: object; readonly change?: object };
  if (change) return aboutWords(change);
  if (key && revision !== undefined) return ` ${key}@${revision}`;
  if (tokens) return ` ${Object.values(tokens).join('.')} (${id})`;
  return key ? ` ${key}` : '';
}

function effectWords(effect: Effect): string {
  switch (effect.kind) {
    case 'commit':
      return `commit ${effect.isWhole ? 'whole ' : ''}${effect.puts.map(putWords).join(' ')}`;
    case 'publish':
      return `tell ${effect.contract.name} ${Object.values(effect.tokens).join('.')}`;
    case 'request':
      return `ask ${effect.contract.name} ${Object.values(effect.tokens).join('.')}`;
    case 'work':
      return `work ${effect.contract.name} ${Object.values(effect.tokens).join('.')}`;
    case 'reply':
      return `answer ${answerWords(effect.answer)}`;
    case 'after':
      return `after ${effect.delayMs.toFixed(0)} ms ${effect.name} ${effect.key}`;
    case 'cancel':
      return `cancel ${'name' in effect ? `${effect.name} ${effect.key}` : effect.contract.name}`;
    case 'run':
      return `run ${effect.job}`;
    case 'alone':
      return `alone with ${effect.with}`;
  }
}

function answerWords(answer: unknown): string {
  const { ok, refusal } = answer as {
    readonly ok: boolean;
    readonly refusal?: { readonly code: string };
  };
  return ok ? 'yes' : `no: ${refusal?.code}`;
}

function putWords({ record, tokens, value }: Put): string {
  return `${address(record, tokens as never)} ${gist(value as Record<string, unknown> | null)}`;
}

/** What matters of a value. */
function gist(value: Record<string, unknown> | null): string {
  if (!value) return 'deleted';
  const { entries, accepts, incarnation, node, epoch, intent, state, outcome, attempt } = value;
  const { isReady } = value;
  if (entries) {
    const names = Object.entries(
      entries as Record<string, { epoch: number; isStopping?: boolean }>,
    );
    const listed = names.map(([name, one]) => `${name}@${one.epoch}${one.isStopping ? '!' : ''}`);
    return `${accepts} #${incarnation} [${listed.join(' ')}]`;
  }
  return JSON.stringify({ node, epoch, attempt, intent, state, isReady, outcome });
}
