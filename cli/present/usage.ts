/** What is in use, for people: who uses most comes first. */
import { formatBytes, formatCpu } from '../../subjects/index.ts';
import type { InstanceUseShape, NodeUseShape } from '../shapes.ts';
import { type Column, table } from '../table.ts';
import { ago } from './ages.ts';

type Used = Pick<NodeUseShape, 'at' | 'cpuMilli' | 'memoryBytes'>;

export function nodeUseTable(nodes: readonly NodeUseShape[], now: number): string {
  const columns: readonly Column<NodeUseShape>[] = [
    { title: 'node', text: (each) => each.node },
    { title: 'state', text: (each) => each.state },
    { title: 'cpu', text: cpuText, align: 'right' },
    { title: 'of', text: ({ capacity }) => formatCpu(capacity.cpuMilli), align: 'right' },
    { title: 'memory', text: memoryText, align: 'right' },
    { title: 'of', text: ({ capacity }) => formatBytes(capacity.memoryBytes), align: 'right' },
    { title: 'said', text: ({ at }) => at && ago(at, now) },
  ];
  return table(columns, nodes.toSorted(byUse));
}

export function instanceUseTable(instances: readonly InstanceUseShape[], now: number): string {
  const columns: readonly Column<InstanceUseShape>[] = [
    { title: 'instance', text: (each) => each.instance },
    { title: 'workload', text: (each) => each.workload },
    { title: 'node', text: (each) => each.node },
    { title: 'cpu', text: cpuText, align: 'right' },
    { title: 'booked', text: ({ booked }) => booked && formatCpu(booked.cpuMilli), align: 'right' },
    { title: 'memory', text: memoryText, align: 'right' },
    {
      title: 'booked',
      text: ({ booked }) => booked && formatBytes(booked.memoryBytes),
      align: 'right',
    },
    { title: 'said', text: ({ at }) => at && ago(at, now) },
  ];
  return table(columns, instances.toSorted(byUse));
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
