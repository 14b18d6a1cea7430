/**
 * Makes sure that whoever asks the services on a bus hears all that answer: those that are there,
 * without waiting for those that are not.
 */
import type { NatsConnection } from 'nats';
import { z } from 'zod';
import { apartness, protocolIn } from '../../../subjects/index.ts';
import { StartError } from '../start-error.ts';
import { tolerantJson } from '../tolerant-json.ts';

/** All that answer have answered when nothing more came for this long, in milliseconds. */
const QUIET_MS = 300;
/** However many go on answering, in milliseconds. */
const ANSWERS_MS = 2_000;

/** What all say who listen on a subject, decoded; nothing where nobody does. */
export async function askServices(
  connection: NatsConnection,
  subject: string,
  body?: Uint8Array,
): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  try {
    const answers = await connection.requestMany(subject, body, {
      strategy: 'stall',
      stall: QUIET_MS,
      maxWait: ANSWERS_MS,
    });
    for await (const answer of answers) told.push(tolerantJson(answer.data));
  } catch (error) {
    if (!isNobodyThere(error)) throw error;
  }
  return told;
}

/** The server's word for a subject that nobody listens to. */
function isNobodyThere(error: unknown): boolean {
  return error instanceof Error && /no responders/i.test(error.message);
}

/** One control plane, as it says of itself. */
export interface ControlCopy {
  readonly copy: string;
  readonly version: string;
  readonly protocol: number;
  /** Whether it is the one that acts, as membership. */
  readonly acts: boolean;
}

const copyAnswer = z.object({
  id: z.string(),
  version: z.string(),
  metadata: z.object({ protocol: z.string().optional() }),
  endpoints: z.array(z.object({ data: z.object({ acting: z.number().optional() }).optional() })),
});

/** Every copy of the control plane has this actor. */
const SUBJECT = '$SRV.STATS.shoal-membership';

/** The control planes that run on this bus, in the order of their names. */
export async function controlCopies(connection: NatsConnection): Promise<readonly ControlCopy[]> {
  const copies: ControlCopy[] = [];
  for (const told of await askServices(connection, SUBJECT)) {
    const { success, data } = copyAnswer.safeParse(told);
    if (!success) continue;
    const { id: copy, version, metadata, endpoints } = data;
    const acts = endpoints.some((each) => each.data?.acting === 1);
    copies.push({ copy, version, protocol: protocolIn(metadata.protocol), acts });
  }
  return copies.sort((one, other) => (one.copy < other.copy ? -1 : 1));
}

/** Throws StartError where a control plane runs that is too many versions away from `self`. */
export async function checkApart(connection: NatsConnection, self: string): Promise<void> {
  for (const { copy, protocol } of await controlCopies(connection)) {
    const apart = apartness(`control plane ${copy}`, protocol, self);
    if (apart !== undefined) throw new StartError(apart);
  }
}
