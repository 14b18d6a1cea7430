/** `shoal retention get|set`: how much of a tenant's past is kept. */
import {
  type Retention,
  type RetentionKind,
  retentionKinds,
  retentionSchema,
} from '../../subjects/index.ts';
import { type ExitCode, exitCodes } from '../exit-codes.ts';
import { UsageFailure } from '../failure.ts';
import { retentionPath } from '../paths.ts';
import type { Paint } from '../present/paint.ts';
import { print } from '../printed.ts';
import type { RetentionLimitsShape, RetentionShape } from '../shapes.ts';
import type { Session } from '../shell.ts';
import { type Column, table } from '../table.ts';

export async function getRetention(session: Session): Promise<ExitCode> {
  const found = await session.gateway.read<RetentionShape>(retentionPath(session.tenant));
  print(session, found, (paint) => retentionTable(found, paint));
  return exitCodes.ok;
}

/** What is not named stays as it is; `default` takes back what was set. */
export async function setRetention(
  session: Session,
  changes: readonly string[],
): Promise<ExitCode> {
  const path = retentionPath(session.tenant);
  const wanted = changes.map(changeIn);
  const before = await session.gateway.read<RetentionShape>(path);
  const body = changed(before.set, wanted);
  const headers = { 'If-Match': `"${before.generation}"` };
  const after = await session.gateway.write<RetentionShape>('PUT', path, { body, headers });
  print(session, after, (paint) => retentionTable(after, paint));
  return exitCodes.ok;
}

const names = ['count', 'age', 'bytes'] as const;
type LimitName = (typeof names)[number];

interface Change {
  readonly kind: RetentionKind;
  readonly name: LimitName;
  /** Undefined: by default again. */
  readonly value: string | number | undefined;
}

const CHANGE = /^([a-z]+)\.([a-z]+)=(\S+)$/;

/** Throws UsageFailure. */
function changeIn(text: string): Change {
  const [, kind, name, value = ''] = CHANGE.exec(text) ?? [];
  if (!isOneOf(retentionKinds, kind) || !isOneOf(names, name)) {
    throw new UsageFailure(
      `"${text}" says nothing to set; say events.count=5000, logs.bytes=16Mi, jobs.age=2d or jobs.age=default (${retentionKinds.join(', ')}; ${names.join(', ')})`,
    );
  }
  if (value === 'default') return { kind, name, value: undefined };
  const isNumber = name !== 'age' && /^\d{1,15}$/.test(value);
  return { kind, name, value: isNumber ? Number(value) : value };
}

function isOneOf<T extends string>(of: readonly T[], text: string | undefined): text is T {
  return (of as readonly (string | undefined)[]).includes(text);
}

/** Throws UsageFailure. */
function changed(before: Retention, changes: readonly Change[]): Retention {
  const after: { [K in RetentionKind]?: Record<string, unknown> | undefined } = { ...before };
  for (const { kind, name, value } of changes) {
    const limits = { ...after[kind], [name]: value };
    if (value === undefined) delete limits[name];
    after[kind] = limits;
    if (Object.keys(limits).length === 0) delete after[kind];
  }
  const parsed = retentionSchema.safeParse(after);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new UsageFailure(`${issue?.path.join('.')}: ${issue?.message}`);
}

interface Row extends RetentionLimitsShape {
  readonly kind: RetentionKind;
  readonly isSet: boolean;
}

const columns: readonly Column<Row>[] = [
  { title: 'what', text: (row) => row.kind },
  { title: 'count', text: (row) => row.count, align: 'right' },
  { title: 'age', text: (row) => row.age, align: 'right' },
  { title: 'bytes', text: (row) => row.bytes, align: 'right' },
  { title: 'from', text: (row) => (row.isSet ? 'tenant' : 'default') },
];

function retentionTable({ retention, set }: RetentionShape, paint: Paint): string {
  const rows = retentionKinds.map((kind) => {
    const isSet = Object.keys(set[kind] ?? {}).length > 0;
    return { kind, isSet, ...retention[kind] };
  });
  return table(columns, rows, paint);
}
