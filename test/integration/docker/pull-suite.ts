/** Images from a real registry that asks for a password, by a real engine of some make. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../../actors/runtime/log.ts';
import type { DockerDriver } from '../../../edge-agent/drivers/docker/driver.ts';
import { Engine } from '../../../edge-agent/drivers/docker/engine.ts';
import { Images } from '../../../edge-agent/drivers/docker/images.ts';
import type { InstanceReport } from '../../../edge-agent/jobs.ts';
import { type ContainerEngine, IMAGE } from '../../support/container-engine.ts';
import { openDockerDriver } from '../../support/docker-driver.ts';
import { eventually } from '../../support/ports.ts';
import { REGISTRY_PASSWORD, REGISTRY_USER, type Registry } from '../../support/registry.ts';
import { NAME, startInput } from '../agent/driver-fixture.ts';

/** An engine that has IMAGE, and a registry it may call without TLS. */
export interface OnRegistry {
  engine(): ContainerEngine;
  registry(): Registry;
}

/** Tests in the present suite. Each leaves in its engine what was there. */
export function pullsImages(of: OnRegistry): void {
  let engine: ContainerEngine;
  let registry: Registry;
  let image: string;
  beforeAll(async () => {
    [engine, registry] = [of.engine(), of.registry()];
    image = await registry.take(engine.client, IMAGE, 'team/app');
  });

  let state: string;
  let driver: DockerDriver;
  let reports: InstanceReport[] = [];
  beforeEach(async () => {
    reports = [];
    state = await mkdtemp(join(tmpdir(), 'shoal-pull-'));
    await mkdir(join(state, 'credentials'));
    driver = await openDockerDriver({ agent: 'pull', state, socket: engine.socket, ports: 21_000 });
  });
  afterEach(async () => {
    await driver.endAll(0);
    driver.forget(NAME);
    await driver.settled();
    driver.leave();
    await rm(state, { recursive: true, force: true, maxRetries: 5 });
  });

  /** Starts the image; its end, as it was told. */
  async function ran(of: object = {}): Promise<InstanceReport> {
    const spec = {
      driver: 'docker',
      image,
      command: ['true'],
      resources: { memory: '64Mi' },
      ...of,
    };
    driver.start(startInput(spec), (report) => reports.push(report));
    const exit = (): InstanceReport | undefined => reports.find(({ kind }) => kind === 'exited');
    await eventually(() => exit() !== undefined, 20_000, 'the end of it');
    return exit() as InstanceReport;
  }

  /** Writes the credentials of everybody, or of a tenant. */
  async function keep(config: object, tenant?: string): Promise<void> {
    const file = tenant === undefined ? 'config.json' : join('tenants', `${tenant}.json`);
    await mkdir(join(state, 'credentials', 'tenants'), { recursive: true });
    await writeFile(join(state, 'credentials', file), JSON.stringify(config));
  }

  const auth = (password: string): string =>
    Buffer.from(`${REGISTRY_USER}:${password}`).toString('base64');
  /** A file with this password for the registry. */
  const withPassword = (password: string) => ({
    auths: { [registry.host]: { auth: auth(password) } },
  });

  test('an image is pulled with the credentials of this node, and it is told that it is', async () => {
    await keep(withPassword(REGISTRY_PASSWORD));
    expect(await ran()).toMatchObject({ exitCode: 0 });
    const told = reports.flatMap((each) => (each.kind === 'preparing' ? [each.message] : []));
    expect(told[0]).toBe(`pulling ${image}`);
    reports = [];
    // It is here now: nobody is asked.
    await keep({});
    driver.forget(NAME);
    expect(await ran()).toMatchObject({ exitCode: 0 });
    expect(reports.filter(({ kind }) => kind === 'preparing')).toEqual([]);
    await engine.client.getImage(image).remove();
  });

  test('credentials that a helper program keeps are asked for', async () => {
    const bin = join(state, 'bin');
    await mkdir(bin);
    const answer = JSON.stringify({ Username: REGISTRY_USER, Secret: REGISTRY_PASSWORD });
    const script = `#!/bin/sh\nread -r host\n[ "$1 $host" = "get ${registry.host}" ] && echo '${answer}'\n`;
    await writeFile(join(bin, 'docker-credential-test'), script, { mode: 0o755 });
    const path = process.env['PATH'];
    process.env['PATH'] = `${bin}:${path}`;
    try {
      await keep({ credHelpers: { [registry.host]: 'test' } });
      expect(await ran({ pull: 'always' })).toMatchObject({ exitCode: 0 });
    } finally {
      process.env['PATH'] = path;
    }
    await engine.client.getImage(image).remove();
  });

  /** How it went with an image that a tenant wants: its exit code, or why not. */
  async function ranFor(tenant: string, of: object = {}): Promise<unknown> {
    reports = [];
    const spec = {
      driver: 'docker',
      image,
      command: ['true'],
      resources: { memory: '64Mi' },
      ...of,
    };
    driver.start({ ...startInput(spec), tenant }, (report) => reports.push(report));
    const exit = () => reports.find((each) => each.kind === 'exited');
    await eventually(() => exit() !== undefined, 20_000, 'the end of it');
    driver.forget(NAME);
    await driver.settled();
    return exit()?.exitCode ?? exit()?.message;
  }
  const wasPulled = (): boolean => reports.some(({ kind }) => kind === 'preparing');

  const refused = /cannot be pulled: .*(unauthorized|denied|no basic auth credentials)/;

  test('a tenant’s own credentials count before everybody’s, and are never another tenant’s', async () => {
    await keep(withPassword(REGISTRY_PASSWORD), 'a');
    expect(await ranFor('b')).toMatch(refused);
    await keep(withPassword('wrong'));
    expect(await ranFor('b')).toMatch(refused);
    expect([await ranFor('a'), wasPulled()]).toEqual([0, true]);
    await engine.client.getImage(image).remove();
    // Everybody’s are those of whoever has none of its own, or only for other registries.
    await keep(withPassword(REGISTRY_PASSWORD));
    await keep({ auths: { 'example.com': { auth: auth('other') } } }, 'b');
    for (const tenant of ['b', 'c']) expect(await ranFor(tenant, { pull: 'always' })).toBe(0);
    await engine.client.getImage(image).remove();
  });

  test.each([
    ['wrong ones', () => withPassword('wrong'), /the credentials of tenant d/],
    [
      'an entry without any',
      () => ({ auths: { [registry.host]: {} } }),
      /the credentials of tenant d/,
    ],
    ['a helper that is not there', () => ({ credsStore: 'none-such' }), /it is not on PATH/],
    [
      'nonsense',
      () => ({ auths: 'nonsense' }),
      /tenants\/d.json are not what `docker login` writes/,
    ],
  ])('a tenant whose own file has %s is not helped by everybody’s', async (_what, config, why) => {
    await keep(withPassword(REGISTRY_PASSWORD));
    await keep(config(), 'd');
    const message = await ranFor('d');
    expect(message).toMatch(refused);
    expect(message).toMatch(why);
  });

  test('an image that is here is there for whoever names it; `always` asks the registry', async () => {
    await keep(withPassword(REGISTRY_PASSWORD), 'a');
    expect(await ranFor('a')).toBe(0);
    expect([await ranFor('b'), wasPulled()]).toEqual([0, false]);
    expect(await ranFor('b', { pull: 'never' })).toBe(0);
    expect(await ranFor('b', { pull: 'always' })).toMatch(refused);
    expect([await ranFor('a', { pull: 'always' }), wasPulled()]).toEqual([0, true]);
    await engine.client.getImage(image).remove();
  });

  test.each([
    ['none', {}, /no basic auth credentials|unauthorized|denied/],
    ['wrong ones', { auth: auth('wrong') }, /unauthorized|denied/],
  ])('with %s the reason says what to do, and no password', async (_what, entry, why) => {
    await keep({ auths: { [registry.host]: entry } });
    const { message } = (await ran()) as { readonly message?: string };
    expect(message).toMatch(why);
    expect(message).toContain(`image ${image} cannot be pulled: `);
    expect(message).toContain(`docker login ${registry.host}`);
    expect(message).not.toContain('wrong');
  });

  test('what another registry needs, and cannot give, is no trouble', async () => {
    const auths = { [registry.host]: { auth: auth(REGISTRY_PASSWORD) } };
    await keep({ auths, credHelpers: { 'example.com': 'wincred.exe' }, credsStore: '' });
    expect(await ran({ pull: 'always' })).toMatchObject({ exitCode: 0 });
    await engine.client.getImage(image).remove();
  });

  test('an image that the registry does not have is a reason; its name is forgotten, and starts as soon as it is here', async () => {
    await keep(withPassword(REGISTRY_PASSWORD));
    const missing = `${registry.host}/team/none:1`;
    expect(await ran({ image: missing })).toMatchObject({
      message: expect.stringMatching(/team\/none:1 cannot be pulled: .*(not found|unknown)/),
    });
    const owned = async () =>
      JSON.parse(await readFile(join(state, 'docker', 'images.json'), 'utf8')) as object;
    expect(await owned()).toEqual({});
    await engine.client.getImage(IMAGE).tag({ repo: `${registry.host}/team/none`, tag: '1' });
    reports = [];
    const spec = { driver: 'docker', image: missing, command: ['true'], resources: {} };
    driver.start(startInput(spec, 2), (report) => reports.push(report));
    await eventually(() => reports.some(({ kind }) => kind === 'exited'), 20_000, 'the end of it');
    expect(reports.map(({ kind }) => kind).filter((kind) => kind !== 'ready')).toEqual([
      ...['started', 'exited'],
    ]);
    expect(await owned()).toEqual({});
    await engine.client.getImage(missing).remove();
  });

  test('an image that goes while its start is under way is obtained once more', async () => {
    await keep(withPassword(REGISTRY_PASSWORD));
    const spec = {
      driver: 'docker',
      image,
      command: ['true'],
      init: [{ command: ['sleep', '1'] }],
    };
    driver.start(startInput(spec), (report) => reports.push(report));
    const steps = async () =>
      (await engine.client.listContainers()).filter(({ State: state }) => state === 'running');
    await eventually(async () => (await steps()).length === 1, 20_000, 'its step to run');
    // Under another name the step's container still has it.
    await engine.client.getImage(image).tag({ repo: 'kept', tag: '1' });
    await engine.client.getImage(image).remove();
    await eventually(() => reports.some(({ kind }) => kind === 'exited'), 20_000, 'the end of it');
    expect(reports).toMatchObject([
      { message: `pulling ${image}` },
      { message: 'init 1 of 1 (sleep 1)' },
      { message: `pulling ${image}` },
      { kind: 'started' },
      ...reports.slice(4, -1),
      { kind: 'exited', exitCode: 0 },
    ]);
    await driver.settled();
    for (const each of [image, 'kept:1']) await engine.client.getImage(each).remove();
  });

  test.each([
    ['is not what `docker login` writes', 'nonsense', 'are not what `docker login` writes'],
    [
      'names a helper that is not there',
      '{"credsStore": "none-such"}',
      'docker-credential-none-such: it is not on PATH',
    ],
    ['names a helper as nobody would', '{"credsStore": "../x y"}', 'is no credential helper'],
  ])('a file that %s is a reason', async (_what, text, why) => {
    await writeFile(join(state, 'credentials', 'config.json'), text);
    expect(await ran()).toMatchObject({ message: expect.stringContaining(why) });
  });

  test('what this agent pulled goes when the disk is too full: nothing that is used, or another’s', async () => {
    await keep(withPassword(REGISTRY_PASSWORD));
    expect(await ran()).toMatchObject({ exitCode: 0 });
    const file = join(state, 'docker', 'images.json');
    expect(Object.keys(JSON.parse(await readFile(file, 'utf8')))).toEqual([image]);
    const inside = await Engine.open(engine.socket);
    const limits = { highPercent: 0, lowPercent: 0 };
    /** Another agent, for which the image was used long ago. */
    const collecting = async (): Promise<Images> => {
      await writeFile(file, JSON.stringify({ [image]: 1, 'no/such:1': 1 }));
      const images = await Images.open({ file, limits, engine: inside, log: silentLog });
      images.close();
      return images;
    };
    const isHere = async () => (await inside.imageId(image)) !== undefined;
    const held = await collecting();
    const release = held.hold(image);
    await held.collect();
    expect(await isHere()).toBe(true);
    release();
    // It was used a moment ago.
    await held.collect();
    expect(await isHere()).toBe(true);
    // What a start calls otherwise is the same image, and would be gone for it, too.
    const [repo = '', tag] = [image.slice(0, image.lastIndexOf(':')), 'latest'];
    await engine.client.getImage(image).tag({ repo, tag });
    await engine.client.getImage(image).remove();
    await writeFile(file, JSON.stringify({ [`${repo}:${tag}`]: 1 }));
    const otherwise = await Images.open({ file, limits, engine: inside, log: silentLog });
    otherwise.close();
    const releaseOther = otherwise.hold(repo);
    await otherwise.collect();
    expect(await inside.imageId(repo)).toBeDefined();
    releaseOther();
    await engine.client.getImage(repo).tag({ repo, tag: '1' });
    await engine.client.getImage(repo).remove();
    const made = await engine.client.createContainer({ Image: image, Cmd: ['true'] });
    await (await collecting()).collect();
    expect(await isHere()).toBe(true);
    await made.remove();
    // Podman may take the image for used for a moment longer; an agent looks again, too.
    const isGone = async () => {
      await (await collecting()).collect();
      return !(await isHere());
    };
    await eventually(isGone, 20_000, 'the image to be gone');
    expect(await inside.imageId(IMAGE)).toBeDefined();
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({});
  });
}
