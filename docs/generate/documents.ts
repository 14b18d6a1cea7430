/** Makes sure that everything derived from the contracts is listed once: its path and its text. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { manual } from '../../cli/manual.ts';
import type { Operation } from '../../gateway/http/operations.ts';
import { apiServer } from '../../gateway/http/server.ts';
import type { Inside } from '../../gateway/inside.ts';
import { manifestJsonSchema } from '../../manifests/json-schema.ts';
import { streamConfigs } from '../../subjects/streams.ts';
import { asyncApiDocument } from './asyncapi.ts';
import { errorsDocument } from './errors.ts';
import { limitsDocument } from './limits.ts';
import { permissionsByRole } from './permissions.ts';
import { type ProtoNumbers, protoDocument, protoFilesSource, SESSIONS_PROTO } from './proto.ts';
import { subjectsDocument } from './subjects.ts';

/** Text by path below the root; the same contracts give the same bytes. */
export async function documents(root: string): Promise<ReadonlyMap<string, string>> {
  const streams = {
    'one replica': streamConfigs({ replicas: 1 }),
    'three replicas': streamConfigs({ replicas: 3 }),
  };
  const proto = protoDocument(await operations(), await numbersIn(root));
  return new Map([
    ['docs/generated/subjects.md', subjectsDocument()],
    ['docs/generated/asyncapi.json', json(asyncApiDocument())],
    ['docs/generated/errors.md', errorsDocument()],
    ['docs/generated/shoal.1', manual()],
    ['docs/generated/limits.md', await limitsDocument(root)],
    ['docs/generated/manifest.schema.json', json(manifestJsonSchema())],
    ['nats/generated/permissions.json', json(permissionsByRole())],
    ['nats/generated/streams.json', json(streams)],
    ['gateway/grpc/generated/proto-files.ts', await protoFilesSource(root, proto.text)],
    ['proto/shoal/v1/numbers.json', json(proto.numbers)],
    ['proto/shoal/v1/shoal.proto', proto.text],
    // Written by hand, and as it is.
    [SESSIONS_PROTO, await readFile(join(root, SESSIONS_PROTO), 'utf8')],
  ]);
}

/** The operations of the API, declared only: nothing is behind them. */
async function operations(): Promise<ReadonlyMap<string, Operation>> {
  const server = await apiServer({} as Inside, { requestsPerSecond: 1 });
  await server.ready();
  return server.operations;
}

/** The numbers of fields that were given before. */
async function numbersIn(root: string): Promise<ProtoNumbers> {
  const text = await readFile(join(root, 'proto/shoal/v1/numbers.json'), 'utf8').catch(() => '{}');
  return JSON.parse(text);
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
