/** What a sample of a contract is. */
import type {
  Contract,
  PayloadOf,
  ReplyOf,
  RequestContract,
  TokensOf,
} from '../../subjects/index.ts';

export interface Sample {
  readonly contract: Contract;
  readonly tokens: Readonly<Record<string, string>>;
  readonly value: unknown;
  /** Of a request: what is answered. */
  readonly reply: unknown;
}

/** A sample of what is told or stored. */
export function said<C extends Contract>(
  contract: C,
  tokens: TokensOf<C>,
  value: PayloadOf<C>,
): Sample {
  return { contract, tokens: tokens as Sample['tokens'], value, reply: undefined };
}

/** A sample of what is asked, with its answer. */
export function asked<C extends RequestContract>(
  contract: C,
  tokens: TokensOf<C>,
  value: PayloadOf<C>,
  reply: ReplyOf<C>,
): Sample {
  return { ...said(contract, tokens, value), reply };
}
