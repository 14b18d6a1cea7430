/** What a program of Shoal may log: a sentence, and fields from this closed set. */
export interface LogFields {
  readonly actor?: string;
  readonly contract?: string;
  readonly subject?: string;
  readonly key?: string;
  readonly id?: string;
  readonly code?: string;
  readonly reason?: string;
  readonly revision?: number;
  /** Of what a person wants: raised by every change of it. */
  readonly generation?: number;
  readonly durationMs?: number;
  readonly count?: number;
  readonly path?: string;
  readonly address?: string;
  readonly pid?: number;
  /** Name of a nats-server. */
  readonly server?: string | undefined;
  readonly node?: string;
  readonly tenant?: string;
  readonly workload?: string;
  readonly instance?: string;
  readonly method?: string;
  /** A method of gRPC: `shoal.v1.Nodes/GetNode`. */
  readonly rpc?: string;
  readonly status?: number;
  readonly host?: string;
  readonly error?: unknown;
}

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Says nothing. */
export const silentLog: Log = {
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
};
