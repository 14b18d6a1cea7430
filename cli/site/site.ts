/** `shoal site init|add|rm|write|show`: a fabric on machines of their own, its keys and settings. */
import { resolve } from 'node:path';
import { StartError } from '../../actors/runtime/start-error.ts';
import { type Bundle, SERVER_FILE } from '../../nats/site/bundles.ts';
import { checkedSite, forgetNode, readSite, writeSite } from '../../nats/site/folder.ts';
import type { Site } from '../../nats/site/site.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { UsageFailure } from '../failure.ts';
import { print } from '../printed.ts';
import type { Session } from '../shell.ts';
import { table } from '../table.ts';

export interface InitOptions {
  readonly server: readonly { readonly host: string; readonly port?: number }[];
  readonly controls?: number;
  readonly gateways?: number;
  readonly nodes: readonly string[];
  readonly durability?: string;
  readonly at?: string;
  readonly state?: string;
}

export function initSite(session: Session, folder: string, given: InitOptions): Promise<ExitCode> {
  return telling(async () => {
    const into = resolve(folder);
    if (await readSite(into)) {
      throw new UsageFailure(
        `there is a site in ${into}; change it with shoal site add, shoal site rm, or site.json and shoal site write`,
      );
    }
    const { server: servers, controls, gateways = 1, nodes, durability, at, state } = given;
    const isCluster = servers.length > 1;
    const site = checkedSite(
      {
        ...{ servers, nodes, gateways, controls: controls ?? (isCluster ? 2 : 1) },
        durability: durability ?? (isCluster ? 'server' : 'process'),
        ...(at === undefined ? {} : { at }),
        ...(state === undefined ? {} : { state }),
      },
      'this site',
    );
    return written(session, into, site);
  });
}

/** Lets nodes in, or no more. */
export function changeNodes(
  session: Session,
  folder: string,
  { verb, nodes }: { readonly verb: 'add' | 'rm'; readonly nodes: readonly string[] },
): Promise<ExitCode> {
  return telling(async () => {
    const into = resolve(folder);
    const site = await siteIn(into);
    const strange = nodes.filter((each) => !site.nodes.includes(each));
    if (verb === 'rm' && strange.length > 0) {
      throw new UsageFailure(
        `${strange.join(', ')} is no node of this site; shoal site show lists them`,
      );
    }
    const after =
      verb === 'add'
        ? [...site.nodes, ...new Set(strange)]
        : site.nodes.filter((each) => !nodes.includes(each));
    const changed = checkedSite({ ...site, nodes: after }, 'this site');
    if (verb === 'rm') for (const node of nodes) await forgetNode(into, node);
    const code = await written(session, into, changed);
    const conf = site.servers.length === 1 ? 'its server' : 'each server';
    session.err(`copy ${SERVER_FILE} to ${conf} again and reload it: systemctl reload shoal-nats`);
    return code;
  });
}

/** Writes everything anew, after `site.json` was changed by hand. */
export function rewriteSite(session: Session, folder: string): Promise<ExitCode> {
  return telling(async () => written(session, resolve(folder), await siteIn(resolve(folder))));
}

export function showSite(session: Session, folder: string): Promise<ExitCode> {
  return telling(async () => {
    const site = await siteIn(resolve(folder));
    print(session, site, () =>
      table(
        [
          { title: 'what', text: ([what]) => what },
          { title: 'which', text: ([, which]) => which },
        ],
        [
          ['servers', site.servers.map(({ host, port }) => `${host}:${port}`).join(', ')],
          ['control planes', String(site.controls)],
          ['gateways', String(site.gateways)],
          ['nodes', site.nodes.join(', ') || 'none'],
          ['durability', site.durability],
        ] as const,
      ),
    );
    return exitCodes.ok;
  });
}

async function siteIn(folder: string): Promise<Site> {
  const site = await readSite(folder);
  if (site) return site;
  throw new UsageFailure(`there is no site in ${folder}; shoal site init makes one`);
}

async function written(session: Session, folder: string, site: Site): Promise<ExitCode> {
  const bundles = await writeSite(folder, site);
  const value = bundles.map(({ name, at, files, identity }) => {
    return { name, from: `${folder}/for/${name}`, at, files: filesOf({ files, identity }) };
  });
  print(session, { folder, bundles: value }, () =>
    table(
      [
        { title: 'copy', text: (each) => each.from },
        { title: 'to, on its machine', text: (each) => each.at },
      ],
      value,
    ),
  );
  return exitCodes.ok;
}

function filesOf({ files, identity }: Pick<Bundle, 'files' | 'identity'>): readonly string[] {
  return [...Object.keys(files), ...(identity ? ['key.nk'] : [])];
}

/** What cannot be read or written is told as wrong usage: nothing was sent anywhere. */
async function telling(command: () => Promise<ExitCode>): Promise<ExitCode> {
  try {
    return await command();
  } catch (error) {
    if (error instanceof StartError) throw new UsageFailure(error.message);
    throw error;
  }
}
