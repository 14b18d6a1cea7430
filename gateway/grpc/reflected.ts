/**
 * Makes sure that reflection tells of the contract what its .proto says. protobufjs writes
 * descriptors that callers in other languages refuse: entries of maps have to be named after their
 * field, types by their full names, a field that is `optional` has to say so, and a file has to
 * name those it takes types from.
 */
import { fromJSON, loadSync, type PackageDefinition } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import descriptor from 'protobufjs/ext/descriptor/index.js';
import { readProto } from './contract.ts';

type File = descriptor.IFileDescriptorProto;
type Message = descriptor.IDescriptorProto;
/** Messages and enumerations of one scope. */
type Types = Pick<File, 'messageType' | 'enumType'>;

/** What reflection tells of: this contract, what refusals carry, and health. */
export function reflectedPackage(): PackageDefinition {
  const files = ['shoal/v1/shoal.proto', 'shoal/v1/sessions.proto'] as const;
  const own = readProto([...files, 'google/rpc/error_details.proto'], 'files');
  const described: PackageDefinition = {
    ...loadSync(healthProto, { keepCase: true }),
    ...fromJSON(own.toJSON(), { keepCase: true }),
  };
  // Every definition carries the same few files.
  const told = new Map<Buffer, File>();
  for (const definition of Object.values(described)) {
    for (const bytes of filesOf(definition)) {
      const read = (): File => descriptor.FileDescriptorProto.decode(bytes) as File;
      if (!told.has(bytes)) told.set(bytes, read());
    }
  }
  const homes = homesOf(told.values());
  const mended = new Map([...told].map(([bytes, file]) => [bytes, mendedFile(file, homes)]));
  return Object.fromEntries(
    Object.entries(described).map(([name, definition]) => {
      const own = filesOf(definition).map((bytes) => mended.get(bytes));
      return [name, own.length > 0 ? { ...definition, fileDescriptorProtos: own } : definition];
    }),
  ) as PackageDefinition;
}

function filesOf(definition: PackageDefinition[string]): readonly Buffer[] {
  const files = definition['fileDescriptorProtos'];
  return Array.isArray(files) ? files : [];
}

/** The file of each message and enumeration, by its full name. */
function homesOf(files: Iterable<File>): ReadonlyMap<string, string> {
  const homes = new Map<string, string>();
  for (const file of files) {
    const add = (scope: string, { messageType = [], enumType = [] }: Types): void => {
      for (const { name } of enumType) homes.set(`${scope}.${name}`, file.name ?? '');
      for (const { name, nestedType = [], enumType: own = [] } of messageType) {
        homes.set(`${scope}.${name}`, file.name ?? '');
        add(`${scope}.${name}`, { messageType: nestedType, enumType: own });
      }
    };
    add(file.package ?? '', file);
  }
  return homes;
}

function mendedFile(file: File, homes: ReadonlyMap<string, string>): Buffer {
  const { name, package: own = '' } = file;
  const needed = new Set<string>();
  /** The full name of a type as it is called in a scope; notes where it comes from. */
  const full = (type: string, scope: string): string => {
    const scopes = scope.split('.').map((_, index, parts) => parts.slice(0, index + 1).join('.'));
    const names = [...scopes.reverse().map((each) => `${each}.${type}`), type];
    const found = names.find((each) => homes.has(each)) ?? type;
    const home = homes.get(found);
    if (home !== undefined && home !== name) needed.add(home);
    return `.${found}`;
  };
  for (const message of file.messageType ?? [])
    mendMessage(message, `${own}.${message.name}`, full);
  const whole = { ...file, dependency: [...needed] };
  return Buffer.from(descriptor.FileDescriptorProto.encode(whole).finish());
}

type Full = (type: string, scope: string) => string;

function mendMessage(message: Message, scope: string, full: Full): void {
  const { field: fields = [], nestedType: nested = [], oneofDecl: oneofs = [] } = message;
  for (const field of fields) {
    const { typeName, name = '', oneofIndex = 0 } = field;
    const entry = nested.find((each) => each.options?.mapEntry && each.name === typeName);
    if (entry) {
      entry.name = `${pascal(name)}Entry`;
      field.typeName = `.${scope}.${entry.name}`;
    } else if (typeName) field.typeName = full(typeName, scope);
    // The oneof that stands for `optional` is called after its only field.
    const isOfOneof = Object.hasOwn(field, 'oneofIndex');
    const isOptional = isOfOneof && oneofs[oneofIndex]?.name === `_${name}`;
    const jsonName = name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
    Object.assign(field, { jsonName, ...(isOptional ? { proto3Optional: true } : {}) });
  }
  for (const each of nested) mendMessage(each, `${scope}.${each.name}`, full);
}

function pascal(name: string): string {
  return name.replace(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase());
}
