/** What is in use, for people: who uses most comes first. */
import { formatBytes, formatCpu } from '../../subjects/index.ts';
import type { InstanceUseShape, NodeUseShape } from '../shapes.ts';
import { type Column, table } from '../table.ts';
import { ago } from './ages.ts';
import type { Paint } from './paint.ts';
import { nodeTone, useTone } from './tones.ts';

type Used = Pick<NodeUseShape, 'at' | 'cpuMilli' | 'memoryBytes'>;

export function nodeUseTable(nodes: readonly NodeUseShape[], now: number, paint?: Paint): string {
  const columns: readonly Column<NodeUseShape>[] = [
    { title: 'node', text: (each) => each.node },
    { title: 'state', text: (each) => each.state, tone: ({ state }) => nodeTone(state) },
    {
      ...{ title: 'cpu', text: cpuText, align: 'right' },
      tone: ({ cpuMilli, capacity }) => useTone(cpuMilli, capacity.cpuMilli),
    },
    { title: 'of', text: ({ capacity }) => formatCpu(capacity.cpuMilli), align: 'right' },
    {
      ...{ title: 'memory', text: memoryText, align: 'right' },
      tone: ({ memoryBytes, capacity }) => useTone(memoryBytes, capacity.memoryBytes),
    },
    { title: 'of', text: ({ capacity }) => formatBytes(capacity.memoryBytes), align: 'right' },
    { title: 'said', text: ({ at }) => at && ago(at, now) },
  ];
  return table(columns, nodes.toSorted(byUse), paint);
}

export function instanceUseTable(
  instances: readonly InstanceUseShape[],
  now: number,
  paint?: Paint,
): string {
  const columns: readonly Column<InstanceUseShape>[] = [
    { title: 'instance', text: (each) => each.instance },
    { title: 'workload', text: (each) => each.workload },
    { title: 'node', text: (each) => each.node },
    {
      ...{ title: 'cpu', text: cpuText, align: 'right' },
      tone: ({ cpuMilli, booked }) => useTone(cpuMilli, booked?.cpuMilli),
    },
    { title: 'booked', text: ({ booked }) => booked && formatCpu(booked.cpuMilli), align: 'right' },
    {
      ...{ title: 'memory', text: memoryText, align: 'right' },
      tone: ({ memoryBytes, booked }) => useTone(memoryBytes, booked?.memoryBytes),
    },
    {
      title: 'booked',
      text: ({ booked }) => booked && formatBytes(booked.memoryBytes),
      align: 'right',
    },
    { title: 'said', text: ({ at }) => at && ago(at, now) },
  ];
  return table(columns, instances.toSorted(byUse), paint);
}

/** Always in millicores: figures that change stay comparable. */
function cpuText({ cpuMilli }: Used): string | undefined {
  return cpuMilli === undefined ? undefined : `${cpuMilli}m`;
}

function memoryText({ memoryBytes }: Used): string | undefined {
  return memoryBytes === undefined ? undefined : formatBytes(memoryBytes);
}

function byUse(one: Used, other: Used): number {
  return (other.cpuMilli ?? -1) - (one.cpuMilli ?? -1);
}
