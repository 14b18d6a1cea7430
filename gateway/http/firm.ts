/** How a caller says that an earlier ask of its may still be on its way through another gateway. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';

/** Header, and metadata over gRPC. */
export const FIRM_HEADER = 'shoal-firm';

/** It costs a write of the record where nothing changes. */
export const firmHeader = z
  .literal('true')
  .optional()
  .describe(
    'What this is answered stands also against asks that another gateway was sent before and has not answered',
  );

export function isFirm({ headers }: Pick<FastifyRequest, 'headers'>): boolean {
  return headers[FIRM_HEADER] === 'true';
}
