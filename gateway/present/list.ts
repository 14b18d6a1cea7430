/** Lists as the API gives them, and what every read may ask for. */
import { z } from 'zod';
import { DEFAULT_TENANT, tenantName } from '../../subjects/index.ts';
import { wholeNumber } from '../http/whole-number.ts';

/** A list with the newest revision of the store it was made from. */
export function listOf<T extends z.ZodType>(item: T) {
  return z.object({
    items: z.array(item),
    revision: z.number().int().describe('Newest revision of the store that was seen'),
  });
}

export const minRevision = wholeNumber({ from: 0, to: Number.MAX_SAFE_INTEGER })
  .optional()
  .describe('Wait up to two seconds for this revision: the Shoal-Revision of a write');

export const tenantQuery = tenantName.default(DEFAULT_TENANT).describe('Whose it is');
