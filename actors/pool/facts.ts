/**
 * Makes sure that what becomes of pools is told: each event is made from what the record says, under
 * an id that says which change it is. Of slots nothing is told: a claim is to be one write.
 */
import { eventNoticed, type Fact, type Pool } from '../../subjects/index.ts';
import { type Effect, publish } from '../runtime/effect.ts';

/** The event of a pool's last fact. */
export function poolEvent(pool: Pool): Effect {
  const { generation, last } = pool;
  return told(pool, last, `${generation}.${last.verb}.${last.at}`);
}

/** The event that a pool is gone, made when its record is. */
export function goneEvent(pool: Pool, now: number): Effect {
  const fact = { verb: 'deleted', at: now, message: 'nothing of it is left' };
  return told(pool, fact, `deleted.${pool.deletedAt}`);
}

function told({ tenant, name }: Pool, { verb, at, message }: Fact, id: string): Effect {
  const tokens = { tenant, noun: 'pool', id: name, verb };
  const body = { ...tokens, at, message };
  return publish(eventNoticed, tokens, body, `pool.${tenant}.${name}.${id}`);
}

/** The event that slots of a pool do not become ready, and why. */
export function troubleEvent(pool: Pool): Effect {
  const { since: at = 0, message = '' } = pool.trouble ?? {};
  return told(pool, { verb: 'hindered', at, message }, `hindered.${at}`);
}
