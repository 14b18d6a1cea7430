/** `shoal claim`, `claims`, `extend`, `release` and `pool purge`: slots of pools, and who has them. */
import { HAND_OFF_AROUND_MS, HAND_OFF_MS_MAX, HAND_OFF_SLOTS_MAX } from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { RefusedFailure } from '../failure.ts';
import { type HandOffOptions, handOffIn } from '../handing-off.ts';
import { claimPath, claimsPath, poolPath } from '../paths.ts';
import { claimTable, claimText } from '../present/pools.ts';
import { plural } from '../present/sections.ts';
import { print } from '../printed.ts';
import type { ClaimShape, List } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { waitForClaim } from '../waiting-claim.ts';

/** Longest wait for slots that are handed off, one after another, in milliseconds. */
const HAND_OFF_WAIT_MS = HAND_OFF_SLOTS_MAX * (HAND_OFF_MS_MAX + HAND_OFF_AROUND_MS) + 15_000;

export interface ClaimOptions extends HandOffOptions {
  /** As it was given: `10m`. */
  readonly ttl?: string;
  readonly by?: string;
  /** Labels of the slot's node, as they were given: `zone=garage`. */
  readonly nodeLabel?: readonly string[];
  readonly architecture?: string;
  /** Whoever asks again by the same has the same claim. */
  readonly key?: string;
  /** How long to stand in line where none is ready, in milliseconds. */
  readonly wait?: number;
}

export async function claim(
  session: Session,
  pool: string,
  words: readonly string[],
  { wait, key, nodeLabel = [], architecture, ttl, by, ...given }: ClaimOptions,
): Promise<ExitCode> {
  const { gateway, tenant } = session;
  const path = `${poolPath(pool)}/claims`;
  const isChoosy = nodeLabel.length > 0 || architecture !== undefined;
  const labels = Object.fromEntries(nodeLabel.map((pair) => pair.split(/=(.*)/s).slice(0, 2)));
  const handOff = await handOffIn(given, words);
  const body = {
    ...{ ttl, by },
    ...(isChoosy ? { placement: { labels, architecture } } : {}),
    ...(handOff ? { handOff } : {}),
  };
  const headers: Record<string, string> = key === undefined ? {} : { 'Idempotency-Key': key };
  const claimed =
    wait === undefined
      ? await gateway.write<ClaimShape>('POST', path, {
          ...{ query: { tenant }, body, headers },
          ...(handOff ? { withinMs: HAND_OFF_WAIT_MS } : {}),
        })
      : await waitForClaim(session, path, { body, headers, waitMs: wait });
  print(session, claimed, (paint) => claimText(claimed, session.now(), paint));
  return exitCodes.ok;
}

export async function listClaims(
  session: Session,
  { pool }: { readonly pool?: string },
): Promise<ExitCode> {
  const { gateway, tenant, terminal, isWide } = session;
  const list = await gateway.read<List<ClaimShape>>(claimsPath, { tenant, pool });
  if (list.items.length === 0 && session.output === 'table') {
    session.err(`no claims in tenant ${tenant}${pool === undefined ? '' : ` with pool ${pool}`}`);
    return exitCodes.ok;
  }
  const fit = { isWide, columns: terminal.size()?.columns };
  print(session, list, (paint) => claimTable(list.items, session.now(), paint, fit));
  return exitCodes.ok;
}

export async function extendClaim(session: Session, id: string, by: string): Promise<ExitCode> {
  const ask = { query: { tenant: session.tenant }, body: { by } };
  const path = `${claimPath(id)}/extend`;
  const extended = await session.gateway.write<ClaimShape>('POST', path, ask);
  print(session, extended, () => `claim ${id} lasts until ${extended.until}`);
  return exitCodes.ok;
}

/** One after another; a refusal does not keep the others from being released. */
export async function release(session: Session, ids: readonly string[]): Promise<ExitCode> {
  const answers: unknown[] = [];
  let isRefused = false;
  for (const id of ids) {
    try {
      const query = { tenant: session.tenant };
      const ask = ['DELETE', claimPath(id), { query }] as const;
      const answer = await session.gateway.write<{ readonly wasOver: boolean }>(...ask);
      answers.push(answer);
      const how = answer.wasOver ? 'was over before' : 'is released';
      if (session.output === 'table') session.out(`claim ${id} ${how}`);
    } catch (error) {
      if (!(error instanceof RefusedFailure)) throw error;
      isRefused = true;
      session.err(error.message);
    }
  }
  if (session.output !== 'table') print(session, { items: answers }, () => '');
  return isRefused ? exitCodes.refused : exitCodes.ok;
}

export async function purge(session: Session, name: string): Promise<ExitCode> {
  const path = `${poolPath(name)}/purge`;
  const query = { tenant: session.tenant };
  const answer = await session.gateway.write<{ readonly slots: number }>('POST', path, { query });
  const what =
    answer.slots === 0
      ? 'there was no slot that nobody has'
      : `${plural(answer.slots, 'slot')} that nobody has are replaced`;
  print(session, answer, () => `pool ${name} is purged: ${what}`);
  return exitCodes.ok;
}
