/** What the retention actor sees and remembers. */
import type {
  Bucket,
  instanceRecord,
  ledgerRecord,
  nodeRecord,
  tenantRecord,
} from '../../subjects/index.ts';
import type { Context } from '../runtime/actor.ts';
import type { View } from '../runtime/view.ts';
import type { TenantStream } from './jobs.ts';

/** A round in one stream. */
export interface Round {
  readonly id: string;
  readonly stream: TenantStream;
  /** When it was last heard of, in milliseconds since 1970. */
  heardAt: number;
  /** Tenants still to be weighed. */
  queue: string[];
  /** In a stream that is nearly full: what each tenant holds, in bytes. */
  weights: Map<string, number> | undefined;
  /** The most bytes a tenant may keep whatever it has set, because the stream is nearly full. */
  share: number;
  bytesMax: number;
}

export interface State {
  round: Round | undefined;
  /** Keys cleared in this round. */
  cleared: number;
  /** Markers above the limit, by bucket, as of the last round. */
  readonly excess: Map<Bucket, number>;
  /** Values nothing referred to in the round before and in this one, with their revisions. */
  readonly leftovers: Map<Bucket, { before: Map<string, number>; now: Map<string, number> }>;
}

export interface Views {
  readonly tenants: View<typeof tenantRecord>;
  readonly instances: View<typeof instanceRecord>;
  readonly ledgers: View<typeof ledgerRecord>;
  readonly nodes: View<typeof nodeRecord>;
}

export type Ctx = Context<Views>;

export const newState = (): State => ({
  ...{ round: undefined, cleared: 0 },
  ...{ excess: new Map(), leftovers: new Map() },
});
