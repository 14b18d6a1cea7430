/**
 * Probes: what an agent asks a service's instances again and again, and what it does before it ends
 * one. The defaults are those of the systems people come from: see docs/how-to/probes.md.
 */
import { z } from 'zod';
import { portName } from './names.ts';
import type { PortSpec } from './ports.ts';
import { spanMs, spanQuantity } from './quantity.ts';

/** The probes of a spec, in the order they count: until startup has passed the others wait. */
export const probeNames = ['startup', 'liveness', 'readiness'] as const;
export type ProbeName = (typeof probeNames)[number];

const probeWays = ['http', 'tcp', 'exec', 'grpc'] as const;

/** Less grace leaves a preStop no time worth having, in milliseconds. */
const GRACE_MS_MIN = 1_000;
/** Most headers of a call. */
const HEADERS_MAX = 16;

function span(from: string, to: string, what: string) {
  const isWithin = (text: string): boolean =>
    spanMs(text) >= spanMs(from) && spanMs(text) <= spanMs(to);
  const range = `from ${from} to ${to}`;
  return spanQuantity.refine(isWithin, range).describe(`${what}, ${range}`);
}

/** Name of a header: a token of RFC 9110. */
const headerName = z
  .string()
  .max(128)
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'the name of a header');
const headerValue = z
  .string()
  .max(1024)
  .regex(/^[\t\x20-\x7e]*$/, 'one line of plain characters');

const httpCall = {
  path: z
    .string()
    .max(1024)
    .regex(/^\/[\x21-\x7e]*$/, 'a path, e.g. /healthz')
    .default('/')
    .describe('Path, with a query if need be; default: /'),
  port: portName.describe('Name of one of the ports of the spec'),
  scheme: z
    .enum(['http', 'https'])
    .default('http')
    .describe('With https no certificate is checked: it is asked whether somebody answers'),
  headers: z
    .record(headerName, headerValue)
    .refine((all) => Object.keys(all).length <= HEADERS_MAX, `at most ${HEADERS_MAX} headers`)
    .default({})
    .describe('Headers beside Host and User-Agent; they count before them'),
};

const status = z.number().int().min(200).max(599);
const httpProbe = z
  .strictObject({
    ...httpCall,
    status: z
      .strictObject({ from: status.default(200), to: status.default(399) })
      .prefault({})
      .describe('Statuses that are a success; default: 200 to 399'),
  })
  .describe('A GET; a redirect is an answer and is not followed');

const command = z
  .array(z.string().max(4096))
  .min(1)
  .max(64)
  .describe('A program and its arguments; no shell in between');

const probe = z.strictObject({
  http: httpProbe.optional(),
  tcp: z
    .strictObject({ port: portName.describe('Name of one of the ports of the spec') })
    .optional()
    .describe('A success if the port takes a connection'),
  exec: z
    .strictObject({ command })
    .optional()
    .describe('A success if the command ends with 0, run where the instance runs'),
  grpc: z
    .strictObject({
      port: portName.describe('Name of one of the ports of the spec'),
      service: z.string().max(200).default('').describe('Default: the server as a whole'),
    })
    .optional()
    .describe('A success if grpc.health.v1.Health/Check says SERVING; without TLS'),
  initialDelay: span('0s', '1h', 'From the start of the program').default('10s'),
  period: span('500ms', '1h', 'From the beginning of one to the next').default('10s'),
  timeout: span('100ms', '5m', 'No answer within this is a failure').default('3s'),
  successThreshold: z
    .number()
    .int()
    .min(1)
    .max(100)
    .default(1)
    .describe('Successes in a row that make it pass; of startup and liveness always 1'),
  failureThreshold: z
    .number()
    .int()
    .min(1)
    .max(1000)
    .default(3)
    .describe('Failures in a row that make it fail'),
});
export type Probe = z.infer<typeof probe>;

export const probesSpec = z
  .strictObject({
    startup: probe
      .optional()
      .describe('Until it passes the others wait; if it fails the instance is restarted'),
    liveness: probe.optional().describe('If it fails the instance is restarted, by its policy'),
    readiness: probe
      .optional()
      .describe('Gets calls while it passes; without it: when every port takes connections'),
  })
  .describe('What the agent asks its instances, each by exactly one of http, tcp, exec, grpc');

export const preStopSpec = z
  .strictObject({
    command: command.optional().describe('Run where the instance runs'),
    http: z
      .strictObject(httpCall)
      .optional()
      .describe('A GET; any status from 200 to 399 is a success'),
  })
  .describe('Done before SIGTERM, within the grace; one of command and http');
export type PreStop = z.infer<typeof preStopSpec>;

/** What these functions need to know of a spec; of jobs there is nothing to say. */
interface Probed {
  readonly ports?: readonly Pick<PortSpec, 'name' | 'protocol'>[];
  readonly probes?: z.infer<typeof probesSpec> | undefined;
  readonly preStop?: PreStop | undefined;
  readonly grace: string;
}

interface Fault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** Whether commands are run beside instances of a spec. */
export function runsCommands({ probes, preStop }: Probed): boolean {
  if (preStop?.command !== undefined) return true;
  return probeNames.some((name) => probes?.[name]?.exec !== undefined);
}

/**
 * What is wrong with the probes of a spec taken together. Judged where a spec is asked for, never
 * where one is read: a later version may know more ways to ask.
 */
export function probeFaults(spec: Probed): readonly Fault[] {
  const { probes, preStop, ports = [] } = spec;
  const faults: Fault[] = [];
  const names = ports.map((each) => each.name);
  const listed = names.length === 0 ? 'the spec lists no ports' : `there is ${names.join(', ')}`;
  const portAt = (path: Fault['path'], port: string | undefined): void => {
    if (port === undefined) return;
    if (ports.some(({ name, protocol }) => name === port && protocol === 'udp')) {
      faults.push({ path: [...path, 'port'], message: `port ${port} is udp: it cannot be asked` });
    }
    if (names.includes(port)) return;
    faults.push({ path: [...path, 'port'], message: `no port is called ${port}; ${listed}` });
  };
  for (const name of probeNames) {
    const of = probes?.[name];
    if (!of) continue;
    const path = ['probes', name];
    const ways = probeWays.filter((way) => of[way] !== undefined);
    if (ways.length !== 1) {
      const found = ways.length === 0 ? 'none is there' : `there is ${ways.join(' and ')}`;
      faults.push({ path, message: `needs exactly one of ${probeWays.join(', ')}; ${found}` });
    }
    for (const way of ['http', 'tcp', 'grpc'] as const) portAt([...path, way], of[way]?.port);
    if (name !== 'readiness' && of.successThreshold !== 1) {
      const message = `of a ${name} probe it is 1: one success is enough`;
      faults.push({ path: [...path, 'successThreshold'], message });
    }
    const { from, to } = of.http?.status ?? { from: 0, to: 0 };
    if (from > to) {
      faults.push({ path: [...path, 'http', 'status'], message: `from ${from} is above to ${to}` });
    }
  }
  if (preStop) {
    if ((preStop.command === undefined) === (preStop.http === undefined)) {
      faults.push({ path: ['preStop'], message: 'needs exactly one of command, http' });
    }
    portAt(['preStop', 'http'], preStop.http?.port);
    if (spanMs(spec.grace) < GRACE_MS_MIN) {
      faults.push({ path: ['grace'], message: 'with a preStop at least 1s' });
    }
  }
  return faults;
}
