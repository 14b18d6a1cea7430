/** What the suite of all drivers needs to know of the Docker driver on an engine of some make. */
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { ContainerEngine } from '../../support/container-engine.ts';
import { eventually } from '../../support/ports.ts';
import type { DriverFixture } from '../agent/driver-conformance.ts';

/** What no driver of containers is held to, whichever the engine. */
export const EXCEPTIONS = {
  'may make the program, where both are in one folder': 'each step has a container of its own',
} as const;

/** Makes fixtures; disposed, each has left nothing in its engine. */
export function containerFixture(of: {
  /** The engine of all these tests. */
  engine(): ContainerEngine;
  /** Opens the driver over a folder. */
  open(state: string): Promise<Driver>;
  readonly spec: object;
  /** Name of a run's container. */
  container(run: number): string;
}): () => Promise<DriverFixture> {
  return async () => {
    const state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
    const isOver = async (run: number): Promise<boolean> => {
      const { State: how } = await of.engine().client.getContainer(of.container(run)).inspect();
      return !how.Running;
    };
    return {
      open: () => of.open(state),
      spec: of.spec,
      listener: ['sh', '-c', 'sleep 0.4; exec busybox httpd -f -p $PORT'],
      missing: /no-such-program/,
      keepsSteps: false,
      findsAll: true,
      ended: (run) => eventually(() => isOver(run), 10_000, 'the end'),
      remains: async () => [
        ...(await readdir(join(state, 'docker', 'instances'))),
        ...(await of.engine().remains()),
      ],
      [Symbol.asyncDispose]: async () => {
        await rm(state, { recursive: true, force: true, maxRetries: 5 });
        expect(await of.engine().remains()).toEqual([]);
      },
    };
  };
}
