/**
 * The contract `shoal.v1` as its callers have it. The .proto files are compiled into the program as
 * text, so that it is served wherever the program is installed.
 */
import protobuf from 'protobufjs';
import { protoFiles } from './generated/proto-files.ts';

const PACKAGE = 'shoal.v1';

/** One of the .proto files. */
export type ProtoFile = keyof typeof protoFiles;

/** A method's name on the wire, and what it takes and gives. */
export interface Rpc {
  /** `shoal.v1.Workloads/GetWorkload`. */
  readonly name: string;
  readonly request: protobuf.Type;
  readonly answer: protobuf.Type;
}

/** The messages and services of some files; names of fields as JSON has them, or as the files do. */
export function readProto(
  files: readonly ProtoFile[],
  namesOf: 'json' | 'files' = 'json',
): protobuf.Root {
  const root = new protobuf.Root();
  for (const file of files) {
    const keepCase = namesOf === 'files';
    const { imports = [] } = protobuf.parse(protoFiles[file], root, { keepCase });
    for (const name of imports) root.addJSON(protobuf.common.get(name)?.nested ?? {});
  }
  root.resolveAll();
  return root;
}

/** Finds methods by service and name. */
export function readContract(): (service: string, method: string) => Rpc {
  const contract = readProto(['shoal/v1/shoal.proto', 'shoal/v1/sessions.proto']);
  return (service, method) => {
    const found = contract.lookupService(`${PACKAGE}.${service}`).methods[method];
    found?.resolve();
    const { resolvedRequestType: request, resolvedResponseType: answer } = found ?? {};
    if (!request || !answer) throw new Error(`${PACKAGE} has no ${service}/${method}`);
    return { name: `${PACKAGE}.${service}/${method}`, request, answer };
  };
}

/** Full names of the services. */
export function serviceNames(services: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(services).map((name) => `${PACKAGE}.${name}`);
}
