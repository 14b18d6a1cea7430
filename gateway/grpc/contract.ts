/** The contract `shoal.v1` as its callers have it: the messages and services of `shoal.proto`. */
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';
import { StartError } from '../../actors/runtime/start-error.ts';

/** The checkout, whether this runs compiled (in `dist`) or from source. */
const above = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const root = basename(above) === 'dist' ? dirname(above) : above;

/** Folder of the .proto files. */
export const PROTO_FOLDER = join(root, 'proto');
/** The one of this contract, below it. */
export const PROTO_FILE = 'shoal/v1/shoal.proto';
/** What a refusal carries, of Google's common messages. */
export const DETAILS_FILE = 'google/rpc/error_details.proto';
const PACKAGE = 'shoal.v1';

/** A method's name on the wire, and what it takes and gives. */
export interface Rpc {
  /** `shoal.v1.Workloads/GetWorkload`. */
  readonly name: string;
  readonly request: protobuf.Type;
  readonly answer: protobuf.Type;
}

/** Reads one of the .proto files. Throws StartError where it is missing. */
export function readProto(file: string): protobuf.Root {
  const path = join(PROTO_FOLDER, file);
  try {
    const read = new protobuf.Root().loadSync(path);
    read.resolveAll();
    return read;
  } catch (error) {
    throw new StartError(
      `cannot read ${path} (${error}); it belongs beside dist, as in a checkout`,
    );
  }
}

/** Finds methods by service and name. Throws StartError where the file is missing. */
export function readContract(): (service: string, method: string) => Rpc {
  const contract = readProto(PROTO_FILE);
  return (service, method) => {
    const found = contract.lookupService(`${PACKAGE}.${service}`).methods[method];
    found?.resolve();
    const { resolvedRequestType: request, resolvedResponseType: answer } = found ?? {};
    if (!request || !answer) throw new Error(`${PROTO_FILE} has no ${service}/${method}`);
    return { name: `${PACKAGE}.${service}/${method}`, request, answer };
  };
}

/** Full names of the services. */
export function serviceNames(services: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.keys(services).map((name) => `${PACKAGE}.${name}`);
}
