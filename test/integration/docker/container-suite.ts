/** What a container of an engine of some make is given beside its program, and what of its image does not count. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import type { InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { IMAGE } from '../../support/container-engine.ts';
import { eventually } from '../../support/ports.ts';
import { NAME, startInput } from '../agent/driver-fixture.ts';
import type { OnEngine } from './bandwidth-suite.ts';

/** Tests in the present suite. Each leaves nothing in its engine. */
export function containerSuite(
  of: OnEngine & {
    /** Whether it makes an image with a health check of a container: Podman does not. */
    readonly commitsChecks: boolean;
  },
): void {
  let state: string;
  let driver: Driver;
  let reports: InstanceReport[];
  const report = (each: InstanceReport): void => void reports.push(each);
  const has = (kind: InstanceReport['kind']) =>
    eventually(() => reports.some((each) => each.kind === kind), 20_000, kind);
  const input = (more: object): StartInput =>
    startInput({ ...of.spec, command: ['sleep', '300'], ...more });
  const inspect = (container = of.container(NAME, 1)) =>
    of.engine().client.getContainer(container).inspect();

  beforeEach(async () => {
    state = await mkdtemp(join(tmpdir(), 'shoal-driver-'));
    reports = [];
    driver = await of.open(state, silentLog);
  });
  afterEach(async () => {
    await driver.endAll(0);
    driver.leave();
    await rm(state, { recursive: true, force: true, maxRetries: 5 });
    expect(await of.engine().remains()).toEqual([]);
  });

  test('the labels of its workload are on all its containers, and none makes it what it is not', async () => {
    const own = { 'traefik.enable': 'true', team: 'web', 'shoal/schedule': 'nightly' };
    const taken = { 'shoal.agent': 'x', 'shoal.run': '7', 'shoal.holder': 'x', 'shoal.role': 'x' };
    const step = ['sh', '-c', 'while ! [ -e /go ]; do sleep 0.05; done'];
    const given = input({ init: [{ command: step }] });
    driver.start({ ...given, spec: { ...given.spec, labels: { ...own, ...taken } } }, report);
    await has('preparing');
    const first = `${of.container(NAME, 1)}-init-0`;
    const isThere = () =>
      inspect(first).then(
        ({ State: how }) => how.Running,
        () => false,
      );
    await eventually(isThere, 20_000, 'the step');
    expect((await inspect(first)).Config.Labels).toMatchObject(own);
    const go = await of
      .engine()
      .client.getContainer(first)
      .exec({ Cmd: ['sh', '-c', 'echo > /go'], AttachStdout: true });
    (await go.start({})).resume();
    await has('started');
    const { Labels: labels } = (await inspect()).Config;
    expect(labels).toMatchObject(own);
    expect(labels).toMatchObject({ 'shoal.name': NAME, 'shoal.run': '1' });
    expect(labels['shoal.agent']).not.toBe('x');
    expect(Object.keys(labels)).not.toContain('shoal.holder');
    expect(Object.keys(labels)).not.toContain('shoal.role');
  });

  test('the health check of its image is not run: its spec alone says how it is asked', async () => {
    const { client } = of.engine();
    const image = of.commitsChecks ? 'shoal-checked:1' : IMAGE;
    const made = await client.createContainer({ Image: IMAGE, Cmd: ['sleep', '300'] });
    try {
      if (of.commitsChecks) {
        const changes = 'HEALTHCHECK --interval=1s CMD ["sh", "-c", "echo asked; exit 1"]';
        await made.commit({ repo: 'shoal-checked', tag: '1', changes });
        const { Config: its } = await client.getImage(image).inspect();
        expect(JSON.stringify(its)).toContain('asked');
      }
      driver.start(input({ image }), report);
      await has('ready');
      const { Config: config, State: how } = await inspect();
      expect(config.Healthcheck?.Test).toEqual(['NONE']);
      expect(how.Health?.Status ?? '').toMatch(/^(none)?$/);
    } finally {
      await made.remove({ force: true });
      await driver.endAll(0);
      if (of.commitsChecks) await client.getImage(image).remove();
    }
  });
}
