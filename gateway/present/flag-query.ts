/** Makes sure that what a caller may turn on in a query is `true` or `false`, and off where nothing is said. */
import { z } from 'zod';

/** `meaning`: what it does when it is on, for people. */
export function flagQuery(meaning: string) {
  return z
    .enum(['true', 'false'])
    .default('false')
    .transform((text) => text === 'true')
    .describe(meaning);
}
