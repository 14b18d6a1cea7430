/** An answer that callers may have at once or, as text/event-stream, again and again. */
import { z } from 'zod';

/** What a route answers with that shows one thing or streams it. */
export function shownOrStreamed<T extends z.ZodType>(shape: T, description: string) {
  return {
    description,
    content: {
      'application/json': { schema: shape },
      'text/event-stream': { schema: z.string() },
    },
  };
}
