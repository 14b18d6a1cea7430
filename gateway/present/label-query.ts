/** Labels as a query names them: `label=app=hello`, as often as wanted. */
import { z } from 'zod';

const pair = z.string().regex(/^[^=]{1,63}=.{0,63}$/, 'a label as key=value');

export const labelQuery = z
  .union([pair, z.array(pair).max(32)])
  .transform((given) => (typeof given === 'string' ? [given] : given))
  .optional()
  .describe('Only those with this label, key=value; all of them when repeated');

/** Whether labels hold every pair. */
export function hasLabels(
  labels: Readonly<Record<string, string>>,
  pairs: readonly string[] | undefined,
): boolean {
  return (pairs ?? []).every((each) => {
    const at = each.indexOf('=');
    return labels[each.slice(0, at)] === each.slice(at + 1);
  });
}
