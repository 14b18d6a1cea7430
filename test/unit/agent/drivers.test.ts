/** Several drivers are one: each instance is its spec's driver's, and one that fails spares the others. */
import { expect, test } from 'vitest';
import type { Driver } from '../../../edge-agent/drivers/driver.ts';
import { Drivers } from '../../../edge-agent/drivers/drivers.ts';
import type { Found, InstanceReport, StartInput } from '../../../edge-agent/jobs.ts';
import { spec } from './scene.ts';

const input = (name: string, driver: string, run = 1): StartInput => ({
  ...{ name, run, tenant: 'default', workload: 'w', instance: 'w-1', epoch: 1, attempt: 1 },
  spec: spec({ driver, ...(driver === 'docker' ? { image: 'app:1' } : {}) }),
});

/** A driver that notes what it is asked, and says it runs what it was told to. */
function noting(name: string, asked: string[], more: Partial<Driver> = {}): Driver {
  const note = (what: string) => (of: { readonly name: string } | string) =>
    void asked.push(`${name} ${what} ${typeof of === 'string' ? of : of.name}`);
  return {
    name,
    offer: async () => ({ enforces: [], notEnforced: {} }),
    found: async () => [],
    list: async () => ({ found: [], busy: [] }),
    ...{ start: note('start'), stop: note('stop'), relabel: note('relabel') },
    forget: note('forget'),
    folder: (of) => `/${name}/${of}`,
    exec: async (of) => ({ kind: 'not-run', message: `${name} ${of.name}` }),
    uses: async () => [],
    interact: async (of) => ({ kind: 'not-run', message: `${name} ${of.name} interactive` }),
    staysMs: name === 'docker' ? 150 : 0,
    settled: async () => undefined,
    endAll: async () => undefined,
    leave: () => undefined,
    ...more,
  };
}
const quiet = () => undefined;

test('what is asked about an instance goes to the driver of its spec', async () => {
  const asked: string[] = [];
  const drivers = new Drivers([noting('process', asked), noting('docker', asked)], quiet);
  drivers.start(input('a', 'docker'), quiet);
  drivers.start(input('b', 'process'), quiet);
  drivers.stop({ name: 'a', run: 1, graceMs: 1 }, quiet);
  drivers.stop({ name: 'stranger', run: 1, graceMs: 1 }, quiet);
  expect(drivers.folder('a')).toBe('/docker/a');
  expect(drivers.staysMs('a')).toBe(150);
  const command = { name: 'a', run: 1, command: ['true'], timeoutMs: 1 };
  expect(await drivers.exec(command)).toEqual({ kind: 'not-run', message: 'docker a' });
  const output = { write: async () => undefined };
  expect(await drivers.interact(command, output)).toMatchObject({
    message: 'docker a interactive',
  });
  drivers.forgetting('a')();
  expect(asked).toEqual([
    ...['docker start a', 'process start b', 'docker stop a', 'process stop stranger'],
    'docker forget a',
  ]);
});

test('what is forgotten late leaves an instance that was started again where it is', () => {
  const asked: string[] = [];
  const drivers = new Drivers([noting('process', asked), noting('docker', asked)], quiet);
  drivers.start(input('a', 'docker'), quiet);
  const forgotten = drivers.forgetting('a');
  drivers.start(input('a', 'docker', 2), quiet);
  forgotten();
  drivers.stop({ name: 'a', run: 2, graceMs: 1 }, quiet);
  drivers.forgetting('a')();
  drivers.stop({ name: 'a', run: 2, graceMs: 1 }, quiet);
  expect(asked).toEqual([
    ...['docker start a', 'docker start a', 'docker stop a', 'docker forget a'],
    'process stop a',
  ]);
});

test('an instance that gets another driver is forgotten by the one before', () => {
  const asked: string[] = [];
  const drivers = new Drivers([noting('process', asked), noting('docker', asked)], quiet);
  drivers.start(input('a', 'process'), quiet);
  drivers.start(input('a', 'docker', 2), quiet);
  expect(asked).toEqual(['process start a', 'process forget a', 'docker start a']);
});

test('nothing is started while what runs is being ended', async () => {
  const asked: string[] = [];
  const drivers = new Drivers([noting('process', asked)], quiet);
  const ended = drivers.endAll(1);
  drivers.start(input('a', 'process'), quiet);
  await ended;
  expect(asked).toEqual([]);
});

test('a driver that is not here is a reason', () => {
  const reports: InstanceReport[] = [];
  const drivers = new Drivers([noting('process', [])], quiet);
  drivers.start(input('a', 'docker'), (each) => void reports.push(each));
  expect(reports).toMatchObject([
    { name: 'a', run: 1, kind: 'exited', message: 'this node does not offer driver docker' },
  ]);
});

test('nothing is concluded about what runs with a driver that cannot say what runs', async () => {
  const failed: string[] = [];
  const list = async () => Promise.reject(new Error('away'));
  const found = async (): Promise<Found[]> => [
    {
      ...{ ...input('a', 'docker'), isReady: true, address: '127.0.0.1', ports: {} },
      ...{ pid: 1, startedAt: 1, restarts: 0 },
    },
  ];
  const all = [noting('process', []), noting('docker', [], { list, found })] as const;
  const drivers = new Drivers([...all], (driver) => void failed.push(driver));
  await drivers.found(quiet);
  expect(await drivers.list(quiet)).toEqual({ found: [], busy: ['a'] });
  expect(failed).toEqual(['docker']);
});

test('an engine that has not answered yet is not offered', async () => {
  const none = noting('docker', [], { offer: async () => undefined });
  const drivers = new Drivers([noting('process', []), none], quiet);
  expect(Object.keys(await drivers.offers())).toEqual(['process']);
});
