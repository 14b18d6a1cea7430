/** Reads `grpc-status-details-bin` as a caller's library does: by the messages of google.rpc. */
import type { Metadata } from '@grpc/grpc-js';
import protobuf from 'protobufjs';

const { root } = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message Any { string type_url = 1; bytes value = 2; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
  message Duration { int64 seconds = 1; int32 nanos = 2; }
  message RetryInfo { Duration retry_delay = 1; }
  message BadRequest {
    message FieldViolation { string field = 1; string description = 2; }
    repeated FieldViolation field_violations = 1;
  }
`);

const read = (name: string, bytes: Uint8Array) => {
  const type = root.lookupType(`google.rpc.${name}`);
  return type.toObject(type.decode(bytes), { longs: Number, defaults: false });
};

export interface Details {
  readonly code: number;
  readonly message: string;
  /** The ErrorInfo. */
  readonly info: unknown;
  /** Seconds of the RetryInfo. */
  readonly retry: number | undefined;
  /** What a BadRequest names. */
  readonly places: unknown;
}

export function detailsIn(metadata: Metadata): Details {
  const [bytes] = metadata.get('grpc-status-details-bin');
  const { code, message, details } = read('Status', bytes as Buffer);
  const find = (name: string) => {
    const found = (details as { typeUrl: string; value: Uint8Array }[]).find(
      ({ typeUrl }) => typeUrl === `type.googleapis.com/google.rpc.${name}`,
    );
    return found && read(name, found.value);
  };
  return {
    ...{ code, message, info: find('ErrorInfo') },
    retry: find('RetryInfo')?.['retryDelay'].seconds,
    places: find('BadRequest')?.['fieldViolations'],
  };
}
