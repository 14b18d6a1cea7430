/**
 * Makes sure that programs of two versions work together, and that further apart they say so: a
 * program works with those of its own protocol, of the one before and of the one after
 * (docs/decisions/0015-one-version-apart.md).
 *
 * What a version may change is held by test/contract/protocol.
 */

/**
 * Version of the contracts this program speaks. Raised with the first step of a change that takes
 * two (docs/how-to/add-a-subject.md), at most once between two releases.
 */
export const PROTOCOL = 1;

/** How far apart two programs may be: one, so that a site can be upgraded program by program. */
const APART_MAX = 1;

/** Protocol of what does not say it: the first. */
const UNSAID = 1;

/** The protocol a header or a service's metadata names. */
export function protocolIn(said: string | undefined): number {
  const number = said === undefined ? UNSAID : Number(said);
  return Number.isSafeInteger(number) && number > 0 ? number : UNSAID;
}

/** Whether this program works with one of that protocol. */
export function speaksWith(protocol: number): boolean {
  return Math.abs(protocol - PROTOCOL) <= APART_MAX;
}

/**
 * Why this program does not work with another, with what to do; undefined: it does. `who` begins
 * the sentence: `the agent of node n1`; `self` is this one: `this control plane`.
 */
export function apartness(who: string, protocol: number, self: string): string | undefined {
  if (speaksWith(protocol)) return undefined;
  const [older, newer] = protocol < PROTOCOL ? [who, self] : [self, who];
  const to = Math.max(protocol, PROTOCOL) - APART_MAX;
  const next = `upgrade ${older} to protocol ${to} first, or take ${newer} back`;
  return `${who} speaks protocol ${protocol}, ${self} ${PROTOCOL}: ${next}`;
}

/** Whether a stored value may say what this program cannot know of: it is then left alone. */
export function isTooNew(protocol: number): boolean {
  return protocol > PROTOCOL + APART_MAX;
}
