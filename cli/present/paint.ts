/** Colours with a meaning, few of them, and where there are any. */
import { styleText } from 'node:util';

/** What a text says about how things are, or which part of a screen it is. */
export type Tone = 'good' | 'between' | 'bad' | 'title' | 'faint';

/** Gives a text the look of a tone; without one it stays as it is. */
export type Paint = (tone: Tone | undefined, text: string) => string;

/** The terminal's own sixteen colours: people have chosen those that they can read. */
const styles = {
  good: 'green',
  between: 'yellow',
  bad: 'red',
  title: 'bold',
  faint: 'dim',
} as const satisfies Record<Tone, Parameters<typeof styleText>[0]>;

/** Leaves every text as it is. */
export const plainly: Paint = (_tone, text) => text;

/** Paints with escape sequences. */
export const inColour: Paint = (tone, text) =>
  tone === undefined || text === ''
    ? text
    : styleText(styles[tone], text, { validateStream: false });

export const colourChoices = ['auto', 'always', 'never'] as const;
export type ColourChoice = (typeof colourChoices)[number];

/**
 * Whether a stream gets colours. What was typed wins, but programs never get any; else only terminals
 * do, and none of them where NO_COLOR is set to something (no-color.org) or TERM is dumb.
 */
export function paintFor(of: {
  readonly chosen: ColourChoice;
  readonly isForPrograms: boolean;
  readonly isTerminal: boolean;
  readonly environment: Readonly<Record<string, string | undefined>>;
}): Paint {
  const { chosen, isForPrograms, isTerminal, environment } = of;
  if (isForPrograms || chosen === 'never') return plainly;
  if (chosen === 'always') return inColour;
  const isUnwanted = Boolean(environment['NO_COLOR']) || environment['TERM'] === 'dumb';
  return isTerminal && !isUnwanted ? inColour : plainly;
}

/** What went wrong, and what to do next, stand out. */
export function paintedFailure(text: string, paint: Paint): string {
  return text
    .replace(/^error:/gm, (word) => paint('bad', word))
    .replace(/^( +)(next:)/gm, (_all, space, word) => `${space}${paint('title', word)}`);
}
