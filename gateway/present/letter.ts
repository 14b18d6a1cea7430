/** A dead letter as the API shows it. */
import { z } from 'zod';
import { actorName, type DeadLetter, letterId } from '../../subjects/index.ts';
import { time, timeText } from './time.ts';

export const letterShape = z
  .object({
    actor: actorName,
    letter: letterId,
    at: time.describe('When it was given up, the last time'),
    contract: z.string(),
    about: z.string().describe('What it was about: a subject, or a key of the store'),
    reason: z.object({ code: z.string(), detail: z.string() }),
    deliveries: z.number().int(),
    payload: z.unknown().optional().describe('The work item, if it was one'),
    excerpt: z.string().optional().describe('How a message began that no schema accepts'),
    replayedAt: time.optional(),
  })
  .meta({ title: 'DeadLetter' });
export type LetterShape = z.input<typeof letterShape>;

export function presentLetter({ at, replayedAt, ...letter }: DeadLetter): LetterShape {
  return {
    ...letter,
    at: timeText(at),
    ...(replayedAt === undefined ? {} : { replayedAt: timeText(replayedAt) }),
  };
}
