/** A caller of gRPC, as any program with the .proto file is one. */
import {
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  type GrpcObject,
  loadPackageDefinition,
  Metadata,
  type ServiceError,
} from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { protoPath as healthProto } from 'grpc-health-check';
import { PATIENCE } from './ports.ts';

/** Longest that a caller waits for an answer, in milliseconds. */
const ANSWER_MS = 20_000 * PATIENCE;

// biome-ignore lint/suspicious/noExplicitAny: tests look into answers freely
type Message = any;
type Methods = Record<string, (...given: unknown[]) => ClientReadableStream<Message>>;
type Maker = new (address: string, trust: unknown, options: object) => Methods & { close(): void };

const packages = loadPackageDefinition(
  loadSync(['shoal/v1/shoal.proto', 'shoal/v1/sessions.proto', healthProto], {
    includeDirs: ['proto'],
    longs: Number,
  }),
);

export interface Called {
  readonly answer: Message;
  /** What came before the answer. */
  readonly metadata: Metadata;
}

/** What a stream has given so far, and how it ended. */
export class Watch {
  readonly messages: Message[] = [];
  ended: ServiceError | 'done' | undefined;
  readonly stream: ClientReadableStream<Message>;

  constructor(stream: ClientReadableStream<Message>) {
    this.stream = stream;
    stream.on('data', (message) => this.messages.push(message));
    stream.on('error', (error) => {
      this.ended = error as ServiceError;
    });
    stream.on('end', () => {
      this.ended ??= 'done';
    });
  }
}

export class GrpcClient implements Disposable {
  readonly #address: string;
  readonly #clients = new Map<string, InstanceType<Maker>>();

  constructor(address: string) {
    this.#address = address;
  }

  /** Calls `shoal.v1.Workloads/GetWorkload`, or `Workloads/GetWorkload`; rejects with ServiceError. */
  call(
    rpc: string,
    request: object = {},
    headers: Readonly<Record<string, string>> = {},
    withinMs = ANSWER_MS,
  ): Promise<Called> {
    const { client, method } = this.#client(rpc);
    return new Promise((resolve, reject) => {
      let metadata = new Metadata();
      const done = (error: ServiceError | null, answer: Message): void =>
        error ? reject(error) : resolve({ answer, metadata });
      const call = client[method]?.(
        request,
        sent(headers),
        { deadline: Date.now() + withinMs },
        done,
      );
      call?.on('metadata', (got) => {
        metadata = got;
      });
    });
  }

  /** The error a call ends with. */
  async refused(rpc: string, request: object = {}): Promise<ServiceError> {
    return this.call(rpc, request).then(
      ({ answer }) => {
        throw new Error(`${rpc} was not refused: ${JSON.stringify(answer)}`);
      },
      (error) => error,
    );
  }

  /** Opens a stream both ways. */
  duplex(
    rpc: string,
    headers: Readonly<Record<string, string>> = {},
  ): ClientDuplexStream<Message, Message> {
    const { client, method } = this.#client(rpc);
    return client[method]?.(sent(headers)) as unknown as ClientDuplexStream<Message, Message>;
  }

  /** Begins to watch; resolves when it has begun, or ended. */
  async watch(
    rpc: string,
    request: object = {},
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Watch> {
    const { client, method } = this.#client(rpc);
    const stream = client[method]?.(request, sent(headers)) as ClientReadableStream<Message>;
    const watch = new Watch(stream);
    await new Promise<void>((resolve) => {
      for (const what of ['metadata', 'end', 'error']) stream.once(what, () => resolve());
    });
    return watch;
  }

  #client(rpc: string): { client: InstanceType<Maker>; method: string } {
    const [service = '', method = ''] = rpc.split('/');
    const name = service.includes('.') ? service : `shoal.v1.${service}`;
    let client = this.#clients.get(name);
    if (!client) {
      const made = name
        .split('.')
        .reduce<GrpcObject>((at, part) => at[part] as GrpcObject, packages);
      // What is kept for retries counts as sent before it is.
      client = new (made as unknown as Maker)(this.#address, credentials.createInsecure(), {
        'grpc.per_rpc_retry_buffer_size': 0,
      });
      this.#clients.set(name, client);
    }
    return { client, method };
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients.values()) client.close();
  }
}

function sent(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

/** JSON as a Struct, which callers write out. */
export function struct(json: Readonly<Record<string, unknown>>): object {
  return {
    fields: Object.fromEntries(Object.entries(json).map(([key, each]) => [key, value(each)])),
  };
}

function value(json: unknown): object {
  if (typeof json === 'string') return { stringValue: json };
  if (typeof json === 'number') return { numberValue: json };
  if (typeof json === 'boolean') return { boolValue: json };
  if (Array.isArray(json)) return { listValue: { values: json.map(value) } };
  return json === null ? { nullValue: 'NULL_VALUE' } : { structValue: struct(json as never) };
}
