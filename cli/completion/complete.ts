/** `shoal complete`: what may come next, for the shells' scripts. Never fails: a shell is waiting. */
import type { Command } from 'commander';
import { tenantName } from '../../subjects/index.ts';
import { bookFile, readBook } from '../contexts/book.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { Gateway } from '../gateway-client.ts';
import { nounOf } from '../nouns.ts';
import {
  claimsPath,
  instancesPath,
  nodesPath,
  poolsPath,
  schedulesPath,
  workloadsPath,
} from '../paths.ts';
import type {
  ClaimShape,
  InstanceShape,
  List,
  NodeShape,
  PoolShape,
  ScheduleShape,
  WorkloadShape,
} from '../shapes.ts';
import type { Session } from '../shell.ts';
import { type Candidate, placeAt } from './candidates.ts';

/** Longest wait for names, in milliseconds: whoever pressed a key waits. */
const NAMES_MS = 1_000;

/** Prints candidates for the last of the words. */
export async function complete(
  program: Command,
  session: Session,
  words: readonly string[],
): Promise<ExitCode> {
  const place = placeAt(program, words);
  if (place.kind === 'file') session.out(':file');
  const found = place.kind === 'texts' ? place.texts : [];
  const names = place.kind === 'name' ? await namesOf(session, place.noun, words) : found;
  const begun = words.at(-1) ?? '';
  const lines = names
    .filter(({ text }) => text.startsWith(begun))
    .map(({ text, about }) => `${text}\t${about}`);
  if (lines.length > 0) session.out(lines.join('\n'));
  return exitCodes.ok;
}

async function namesOf(
  session: Session,
  noun: string | undefined,
  words: readonly string[],
): Promise<readonly Candidate[]> {
  try {
    if (noun === 'context') return contexts(session);
    const late = AbortSignal.any([session.signal, AbortSignal.timeout(NAMES_MS)]);
    const gateway = new Gateway(said(words, '--gateway') ?? session.gateway.base, late);
    const tenant = tenantName.parse(said(words, '--tenant') ?? session.tenant);
    if (noun === 'claim') return claims(gateway, tenant);
    const of = noun === undefined ? (['workload', 'instance'] as const) : [nounOf(noun)];
    return (await Promise.all(of.map((each) => read[each](gateway, tenant)))).flat();
  } catch {
    return [];
  }
}

function contexts({ environment }: Session): readonly Candidate[] {
  const { contexts: all } = readBook(bookFile(environment));
  return Object.entries(all).map(([text, { gateway }]) => ({ text, about: gateway ?? '' }));
}

/** The value of an option among the words. */
function said(words: readonly string[], option: string): string | undefined {
  const at = words.indexOf(option);
  const joined = words.find((each) => each.startsWith(`${option}=`));
  return joined?.slice(option.length + 1) ?? (at < 0 ? undefined : words[at + 1]);
}

type Names = (gateway: Gateway, tenant: string) => Promise<readonly Candidate[]>;

const read: Readonly<Record<ReturnType<typeof nounOf>, Names>> = {
  workload: async (gateway, tenant) => {
    const { items } = await gateway.read<List<WorkloadShape>>(workloadsPath, { tenant });
    return items.map(({ name, kind, state }) => ({ text: name, about: `${kind}, ${state}` }));
  },
  instance: async (gateway, tenant) => {
    const { items } = await gateway.read<List<InstanceShape>>(instancesPath, { tenant });
    return items.map(({ instance, phase }) => ({ text: instance, about: phase }));
  },
  node: async (gateway) => {
    const { items } = await gateway.read<List<NodeShape>>(nodesPath);
    return items.map(({ node, state }) => ({ text: node, about: state }));
  },
  schedule: async (gateway, tenant) => {
    const { items } = await gateway.read<List<ScheduleShape>>(schedulesPath, { tenant });
    return items.map(({ name, state }) => ({ text: name, about: state }));
  },
  pool: async (gateway, tenant) => {
    const { items } = await gateway.read<List<PoolShape>>(poolsPath, { tenant });
    return items.map(({ name, slots }) => ({ text: name, about: `${slots.ready} ready` }));
  },
};

const claims: Names = async (gateway, tenant) => {
  const { items } = await gateway.read<List<ClaimShape>>(claimsPath, { tenant });
  return items.map(({ id, until }) => ({ text: id, about: `until ${until}` }));
};
