/**
 * Makes sure that the messages of `shoal.v1` are those of the HTTP API: each field of a schema is
 * a field, typed where the schema is, with its sentence.
 */
import { z } from 'zod';
import type { Method } from '../../gateway/grpc/methods.ts';
import type { Operation } from '../../gateway/http/operations.ts';
import { retentionKinds } from '../../subjects/index.ts';

export interface ProtoField {
  /** As JSON has it: `minRevision`. */
  readonly key: string;
  /** With `repeated` or `map<>` around it. */
  readonly type: string;
  /** Whether absent differs from zero. */
  readonly isOptional: boolean;
  readonly comment: string;
}

export interface ProtoMessage {
  readonly name: string;
  readonly fields: readonly ProtoField[];
}

type Json = Readonly<Record<string, unknown>>;
type Io = 'input' | 'output';

const STRUCT = 'google.protobuf.Struct';
const VALUE = 'google.protobuf.Value';
const scalars: Readonly<Record<string, string>> = {
  ...{ string: 'string', integer: 'int64', number: 'double', boolean: 'bool' },
};

/** Objects without a title of their own, by where they stand; others are named by where they stand. */
const names: Readonly<Record<string, string>> = {
  ...{ 'Workload.last': 'Fact', 'Node.last': 'Fact', 'NodeDetail.last': 'Fact' },
  ...{ 'Schedule.last': 'Fact', 'Workload.instances': 'InstanceCounts' },
  ...{ 'Node.drivers': 'DriverOffer', 'NodeDetail.drivers': 'DriverOffer' },
  ...{ 'Node.capacity': 'Amounts', 'NodeDetail.capacity': 'Amounts' },
  ...{ 'Node.booked': 'Amounts', 'NodeDetail.booked': 'Amounts' },
  ...{ 'NodeUse.capacity': 'Amounts', 'DriverOffer.mounts': 'Mount' },
  ...{ 'NodeDetail.entries': 'LedgerEntry', 'NodeDetail.snapshot': 'Snapshot' },
  ...{ 'Drain.waits': 'DrainWait', 'Schedule.history': 'FiringOutcome' },
  ...{ 'DryRun.explanation': 'Explanation', 'Explanation.choice': 'Choice' },
  ...{ 'Explanation.table': 'NodeScore', 'DeadLetter.reason': 'DeadLetterReason' },
  ...{ 'Versions.gateway': 'ProgramVersion', 'Versions.control': 'ControlVersion' },
  ...{ 'Versions.agents': 'AgentVersion', 'Event.refusal': 'Refusal', 'Refusal.places': 'Place' },
  ...{ 'Retention.retention': 'RetentionInForce', 'Retention.set': 'RetentionSettings' },
  ...{ 'AcquireClaimRequest.handOff': 'HandOff', 'AwaitClaimRequest.handOff': 'HandOff' },
  ...{ 'AcquireClaimRequest.placement': 'SlotPlacement', 'HandOff.files': 'HandOffFile' },
  ...{ 'AwaitClaimRequest.placement': 'SlotPlacement' },
  ...limitsAt('RetentionInForce', 'RetentionLimits'),
  ...limitsAt('RetentionSettings', 'RetentionLimitsSet'),
  ...limitsAt('SetRetentionRequest', 'RetentionLimitsSet'),
};

/** The limits of each kind of thing that is kept are one message. */
function limitsAt(owner: string, name: string): Readonly<Record<string, string>> {
  return Object.fromEntries(retentionKinds.map((kind) => [`${owner}.${kind}`, name]));
}

/** Messages made so far, by name; one name is one shape. */
export class ProtoMessages {
  readonly all = new Map<string, ProtoMessage>();

  /** The request of a method. */
  request(method: Method, operation: Operation): string {
    const name = `${method.name}Request`;
    const left = new Set([...Object.keys(method.fixed ?? {}), ...(method.without ?? [])]);
    const query = this.#fields(name, operation.query, 'input').filter(({ key }) => !left.has(key));
    const fields = [
      ...this.#fields(name, operation.params, 'input'),
      ...query,
      ...conditions(operation.headers),
      ...this.#fields(name, operation.body, 'input'),
      ...(operation.takesManifest ? manifest : []),
    ];
    return this.#add({ name, fields });
  }

  /** The answer of a method, or what it streams. */
  answer(method: Method, operation: Operation): string {
    if (method.streams) {
      const { streams, oneOf } = method;
      return oneOf
        ? this.#message(streams, jsonSchema(z.object(oneOf).partial(), 'output'))
        : streams;
    }
    const found = Object.entries(operation.answers)
      .filter(([status]) => status.startsWith('2'))
      .flatMap(([, declared]) => alternatives(answerSchema(declared)));
    const wanted = found.find(({ title }) => title === method.answer) ?? found[0];
    if (!wanted) throw new Error(`${operation.id} has no answer in JSON`);
    return this.#message(`${method.name}Response`, wanted);
  }

  #fields(owner: string, schema: z.ZodType | undefined, io: Io): ProtoField[] {
    if (!schema) return [];
    const [one, other] = [io, 'output' as const].map((side) =>
      withoutNull(jsonSchema(schema, side)),
    );
    return this.#fieldsOf(owner, one as Json, other as Json);
  }

  /** `other`: what the schema makes of it, for what it takes in any form. */
  #fieldsOf(owner: string, schema: Json, other: Json = schema): ProtoField[] {
    const required = new Set((schema['required'] ?? []) as string[]);
    const made = (other['properties'] ?? {}) as Record<string, Json>;
    return Object.entries((schema['properties'] ?? {}) as Record<string, Json>).map(
      ([key, given]) => {
        const property = isOpen(given) ? { ...made[key], ...given } : given;
        const type = this.#type(`${owner}.${key}`, property);
        const isScalar = Object.values(scalars).includes(type);
        const comment = commentOf(property);
        return { key, type, isOptional: isScalar && !required.has(key), comment };
      },
    );
  }

  #type(place: string, given: Json): string {
    // Kept as it was written, also with keys that only a newer version knows.
    if (place.endsWith('.spec')) return STRUCT;
    const schema = withoutNull(given);
    const { type, format, items, additionalProperties: rest } = schema;
    const any = schema['anyOf'] as readonly Json[] | undefined;
    if (any) return this.#union(place, any);
    if (isBoolean(schema)) return 'bool';
    if (format === 'date-time') return 'google.protobuf.Timestamp';
    if (typeof type === 'string' && scalars[type]) return scalars[type];
    if (type === 'array') return `repeated ${this.#type(place, items as Json)}`;
    if (type !== 'object') return VALUE;
    if (schema['properties']) return this.#message(nameAt(place), schema);
    const isOpenMap = typeof rest !== 'object' || isOpen(rest as Json);
    return isOpenMap ? STRUCT : `map<string, ${this.#type(place, rest as Json)}>`;
  }

  #union(place: string, any: readonly Json[]): string {
    const list = any.find((each) => each['type'] === 'array');
    if (list && any.length === 2) return this.#type(place, list);
    const types = new Set(any.map((each) => each['type']));
    if (types.size > 1) return VALUE;
    return types.has('object') ? STRUCT : this.#type(place, any[0] as Json);
  }

  #message(usual: string, schema: Json): string {
    const { title } = schema;
    const name = typeof title === 'string' ? title : usual;
    return this.#add({ name, fields: this.#fieldsOf(name, schema) });
  }

  #add(message: ProtoMessage): string {
    const before = this.all.get(message.name);
    if (before && shapeOf(before) !== shapeOf(message)) {
      throw new Error(`two messages would be called ${message.name}; name one of them`);
    }
    this.all.set(message.name, before ? inCommon(before, message) : message);
    return message.name;
  }
}

/** What HTTP says by If-Match, If-None-Match and Idempotency-Key. */
function conditions(headers: z.ZodObject | undefined): readonly ProtoField[] {
  const field = (key: string, type: string, comment: string): ProtoField[] => [
    { key, type, comment, isOptional: true },
  ];
  const shape = headers?.shape ?? {};
  return [
    ...('if-match' in shape
      ? field('ifGeneration', 'int64', 'Refuse unless it is at this generation')
      : []),
    ...('if-none-match' in shape
      ? field('createOnly', 'bool', 'Refuse when there is one of this name')
      : []),
    ...('idempotency-key' in shape
      ? field(
          'idempotencyKey',
          'string',
          'Who asks again by the same has the same, while it is held',
        )
      : []),
  ];
}

const manifest: readonly ProtoField[] = [
  {
    ...{ key: 'manifest', type: STRUCT, isOptional: false },
    comment: 'The manifest as JSON has it: docs/generated/manifest.schema.json',
  },
  {
    ...{ key: 'manifestText', type: 'string', isOptional: true },
    comment: 'Instead of it: the manifest as text, in YAML or JSON',
  },
];

function jsonSchema(schema: z.ZodType, io: Io): Json {
  return z.toJSONSchema(schema, { io, unrepresentable: 'any' });
}

function answerSchema(declared: unknown): Json {
  if (declared instanceof z.ZodType) return jsonSchema(declared, 'output');
  const { content } = declared as { content: Record<string, { schema: z.ZodType }> };
  const json = content['application/json'];
  return json ? jsonSchema(json.schema, 'output') : {};
}

/** The objects a schema may be. */
function alternatives(schema: Json): readonly Json[] {
  const any = schema['anyOf'] as readonly Json[] | undefined;
  return (any ?? [schema]).filter((each) => each['properties']);
}

function withoutNull(schema: Json): Json {
  const any = schema['anyOf'] as readonly Json[] | undefined;
  const kept = any?.filter((each) => each['type'] !== 'null');
  if (!kept || kept.length === any?.length || kept.length !== 1) return schema;
  const { anyOf: _alternatives, ...rest } = schema;
  return { ...rest, ...kept[0] };
}

/** Whether a schema takes anything. */
function isOpen(schema: Json): boolean {
  return !['type', 'anyOf', 'enum', 'const', 'properties'].some((key) => key in schema);
}

/** In a query a boolean is one of two words. */
function isBoolean(schema: Json): boolean {
  return String(schema['enum']) === 'true,false';
}

function nameAt(place: string): string {
  const [owner = '', key = ''] = place.split('.');
  return names[place] ?? `${owner}${key[0]?.toUpperCase()}${key.slice(1)}`;
}

function commentOf(schema: Json): string {
  const listed = schema['enum'] as readonly unknown[] | undefined;
  const words = listed && !isBoolean(schema) ? `One of: ${listed.join(', ')}` : '';
  return [schema['description'], words].filter(Boolean).join('. ');
}

/** One message for two places: of its fields only what is true at both is said. */
function inCommon(one: ProtoMessage, other: ProtoMessage): ProtoMessage {
  const fields = one.fields.map((field, index) => ({
    ...field,
    comment: field.comment === other.fields[index]?.comment ? field.comment : '',
  }));
  return { ...one, fields };
}

function shapeOf({ fields }: ProtoMessage): string {
  return JSON.stringify(fields.map(({ key, type, isOptional }) => [key, type, isOptional]));
}
