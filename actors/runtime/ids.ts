/**
 * Makes sure that ids and chance inside a step derive from the message the step handles, so that
 * the same message handled again makes the same ids (R3) and a simulated run repeats exactly.
 */

const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';

/** 32-bit FNV-1a (Fowler, Noll, Vo), with a seed mixed in first. */
export function hash32(text: string, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  for (let index = 0; index < text.length; index++) {
    hash ^= text.charCodeAt(index);
    hash = Math.imul(hash, 0x01000193);
  }
  // Avalanche (MurmurHash3 finaliser): FNV alone leaves the high bits of short texts alike.
  hash ^= hash >>> 16;
  hash = Math.imul(hash, 0x85ebca6b);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The id of the `index`-th effect of a message; at most 64 characters however deep the chain. */
export function derivedId(id: string, index: number): string {
  const next = `${id}.${index}`;
  if (next.length <= 64) return next;
  const high = hash32(next).toString(36);
  const low = hash32(next, 0x9e3779b9).toString(36);
  return `h${high}${low}${hash32(next, 0x7f4a7c15).toString(36)}`;
}

/** A number in [0, 1) per call, from a seed (mulberry32, T. Ettinger, public domain). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A short id of `length` characters without look-alikes (no i, l, o, u). */
export function shortId(random: () => number, length: number): string {
  let id = '';
  for (let index = 0; index < length; index++) {
    id += ALPHABET[Math.floor(random() * ALPHABET.length)];
  }
  return id;
}
