/** Which sessions of a tenant are open: their nodes know, and are asked, each for itself. */
import { ask } from '../../actors/runtime/ask.ts';
import type { Ports } from '../../actors/runtime/ports.ts';
import {
  type Answer,
  type OpenedSession,
  refusal,
  sessionEnd,
  sessionList,
} from '../../subjects/index.ts';
import type { Known } from '../known.ts';

/** Most nodes that are asked at the same time. */
const AT_A_TIME_MAX = 64;

export interface Found {
  /** The first that was opened first. */
  readonly sessions: readonly (OpenedSession & { readonly node: string })[];
  /** Nodes that did not say: they are away, or their agents too old to know. */
  readonly silent: readonly string[];
}

interface KnownInstances {
  readonly instances: Pick<Known['instances'], 'entries'>;
}

export class OpenedSessions {
  readonly #ports: Pick<Ports, 'bus' | 'clock' | 'newId'>;
  readonly #known: KnownInstances;

  constructor(ports: Pick<Ports, 'bus' | 'clock' | 'newId'>, known: KnownInstances) {
    this.#ports = ports;
    this.#known = known;
  }

  /** Asks the nodes with instances of a tenant, or only one of them, for a second each at most. */
  async list(of: { readonly tenant: string; readonly node?: string | undefined }): Promise<Found> {
    const nodes = this.#nodesOf(of);
    const sessions: Found['sessions'][number][] = [];
    const silent: string[] = [];
    const askSome = async (): Promise<void> => {
      for (let node = nodes.pop(); node !== undefined; node = nodes.pop()) {
        const answer = await this.#ask(node, of.tenant);
        if (!answer) silent.push(node);
        else for (const each of answer.sessions) sessions.push({ ...each, node });
      }
    };
    await Promise.all(Array.from({ length: AT_A_TIME_MAX }, askSome));
    sessions.sort((one, other) => one.openedAt - other.openedAt);
    return { sessions, silent: silent.sort() };
  }

  /** Ends one wherever it is; the node it was on. */
  async end(of: { readonly tenant: string; readonly session: string }): Promise<Answer<string>> {
    const { tenant, session } = of;
    const { sessions, silent } = await this.list({ tenant });
    const found = sessions.find((each) => each.session === session);
    if (!found) {
      const but = silent.length === 0 ? '' : `; did not say: ${silent.join(', ')}`;
      const detail = `tenant ${tenant} has no session ${session}${but}`;
      return { ok: false, refusal: refusal('session-not-found', detail) };
    }
    const { node } = found;
    const { answer } = await ask(this.#ports, sessionEnd, { node }, of);
    return answer.ok ? { ok: true, value: node } : answer;
  }

  #nodesOf({
    tenant,
    node: only,
  }: {
    readonly tenant: string;
    readonly node?: string | undefined;
  }) {
    const nodes = new Set<string>();
    for (const { value } of this.#known.instances.entries()) {
      const { node } = value;
      if (value.tenant !== tenant || value.outcome || node === undefined) continue;
      if (only === undefined || only === node) nodes.add(node);
    }
    return [...nodes];
  }

  async #ask(node: string, tenant: string) {
    const options = { withinMs: sessionList.timeoutMs };
    const { answer } = await ask(this.#ports, sessionList, { node }, { tenant }, options);
    return answer.ok ? answer.value : undefined;
  }
}
