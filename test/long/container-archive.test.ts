/** The engine's archives of containers: one that is open makes the engine silent about its container. */
import { rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Handover } from '../../archive/handover.ts';
import { readArchive } from '../../archive/read.ts';
import { copyBeside } from '../../edge-agent/drivers/docker/copy.ts';
import { Engine } from '../../edge-agent/drivers/docker/engine.ts';
import { DockerEngine, IMAGE } from '../support/docker.ts';

let docker: DockerEngine;
let engine: Engine;

beforeAll(async () => {
  docker = await DockerEngine.start();
  engine = await Engine.open(docker.socket);
});
afterAll(async () => {
  await docker?.[Symbol.asyncDispose]();
});

test('of what becomes shorter meanwhile is refused, without what goes meanwhile it is whole', async () => {
  const script = 'mkdir /d; for f in a b z; do dd if=/dev/zero of=/d/$f bs=1M count=8; done';
  const Cmd = ['sh', '-c', `${script}; touch /ready; exec sleep 300`];
  const container = await docker.client.createContainer({ Image: IMAGE, Cmd });
  await container.start();
  await expect.poll(() => engine.pathStat(container.id, '/ready')).toBeDefined();
  const inside = `/proc/${(await container.inspect()).State.Pid}/root/d`;
  const copied = async (change: () => Promise<void>) => {
    const way = new Handover();
    const names: string[] = [];
    const read = readArchive(way, async ({ name }) => void names.push(name));
    read.catch(() => undefined);
    let isChanged = false;
    const write = async (bytes: Uint8Array): Promise<void> => {
      if (!isChanged) await change();
      isChanged = true;
      await way.give(bytes);
    };
    const signal = new AbortController().signal;
    const written = async () => ({ bytes: 0, isAll: true });
    const of = { container: container.id, folder: '/', kept: {} as never, written, signal };
    const begun = await copyBeside(engine, { ...of, direction: 'from', path: '/d' }, { write });
    if (begun.kind !== 'live') throw new Error(JSON.stringify(begun));
    const ended = await begun.live.ended;
    way.end();
    return {
      ended,
      names,
      isWhole: await read.then(
        () => true,
        () => false,
      ),
    };
  };
  expect(await copied(() => rm(join(inside, 'b')))).toEqual({
    ...{ ended: { exitCode: 0 }, names: ['d/', 'd/a', 'd/z'], isWhole: true },
  });
  expect(await copied(() => truncate(join(inside, 'a'), 10))).toMatchObject({
    ended: { refused: { code: 'copy-refused', detail: expect.stringMatching(/becomes shorter/) } },
    isWhole: false,
  });
  await engine.remove(container.id);
});

test('one that comes when nobody waits for it any more, or is to stop, is closed', async () => {
  const Cmd = ['sh', '-c', 'dd if=/dev/zero of=/big bs=1M count=32; exec sleep 300'];
  const container = await docker.client.createContainer({ Image: IMAGE, Cmd });
  await container.start();
  await expect.poll(() => engine.pathStat(container.id, '/big')).toBeDefined();
  const held = (await container.getArchive({ path: '/big' })) as Readable;
  const goesOn = new AbortController();
  // The engine waits for the one that is open.
  await expect(engine.archiveOf(container.id, '/big', goesOn.signal)).rejects.toThrow(
    'did not answer within 5 s',
  );
  held.destroy();
  expect((await engine.inspect(container.id))?.State.Running).toBe(true);
  const stream = await engine.archiveOf(container.id, '/big', goesOn.signal);
  goesOn.abort();
  expect((await engine.inspect(container.id))?.State.Running).toBe(true);
  expect(stream.destroyed).toBe(true);
  await engine.remove(container.id);
});
