/** What membership remembers beside the store: when each node was last heard, and how. */

import type { Beat, ledgerRecord, nodeRecord } from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { View } from '../runtime/view.ts';

export interface Heard {
  /** When the last beat came, or when listening began anew. */
  at: number;
  /** The connection of the last beat; undefined until there was one. */
  connection: Beat['connection'] | undefined;
  /** That connection has ended: beats that were still on their way do not count. */
  isCut: boolean;
  /** When the node was last asked for something. */
  promptedAt: number;
}

export interface State {
  readonly heard: Map<string, Heard>;
  /** Node by `<server>:<client>` of its connection. */
  readonly byConnection: Map<string, string>;
  /**
   * When each server of the bus was last named as one that reaches most others, and when such a
   * pulse last came; none come where there is one server.
   */
  readonly servers: Map<string, number>;
  pulsedAt: number;
  /** Whether the last pulse named fewer servers than there should be. */
  isAnyAway: boolean;
  /** When this copy began to listen: no node is declared before its own time has passed since. */
  listeningSince: number;
  /** When silence was last looked at. */
  listenedAt: number;
}

export interface Views {
  readonly nodes: View<typeof nodeRecord>;
  readonly ledgers: View<typeof ledgerRecord>;
}

export type Ctx = Context<Views>;

export const newState = (): State => ({
  heard: new Map(),
  byConnection: new Map(),
  servers: new Map(),
  pulsedAt: Number.NEGATIVE_INFINITY,
  isAnyAway: false,
  listeningSince: 0,
  listenedAt: 0,
});

/** What is known of when a node was heard; made at the first question. */
export function heardOf(state: State, node: string): Heard {
  let heard = state.heard.get(node);
  if (!heard) {
    heard = { at: state.listeningSince, connection: undefined, isCut: false, promptedAt: 0 };
    state.heard.set(node, heard);
  }
  return heard;
}

export function connectionKey(connection: {
  readonly server: string;
  readonly client: number;
}): string {
  return `${connection.server}:${connection.client}`;
}

/** What nobody can read is neither mended nor missing. */
export function isUnreadable(node: string, { views }: Ctx): boolean {
  return views.nodes.unreadable({ node }) !== undefined || !!views.ledgers.unreadable({ node });
}
