/** Makes sure that programs and launchers read the durability that was chosen alike. */
import { type Durability, durabilityOf } from '../../subjects/index.ts';
import { StartError } from './start-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Settings this one has replaced, with what to set now. */
const REPLACED = {
  SHOAL_SYNC: 'for `always` set DURABILITY=power',
  SHOAL_REPLICAS: 'set SERVERS to the number of servers, and DURABILITY to what is to be survived',
} as const;

/**
 * The durability that `DURABILITY` (process, server or power) and `SERVERS` (1 or 3, default 1)
 * choose. Throws StartError.
 */
export function durabilityIn(environment: Environment): Durability {
  for (const [name, instead] of Object.entries(REPLACED)) {
    if (environment[name]) throw new StartError(`${name} is no longer read; unset it, ${instead}`);
  }
  const result = durabilityOf(environment['DURABILITY'], serversIn(environment));
  if (!result.ok) throw new StartError(result.error);
  return result.durability;
}

/** How many servers `SERVERS` says there are. Throws StartError. */
export function serversIn(environment: Environment): 1 | 3 {
  const text = environment['SERVERS'] || '1';
  if (text === '1' || text === '3') return text === '1' ? 1 : 3;
  throw new StartError(`SERVERS is ${text}; set it to 1 or 3`);
}
