/** What of a spec an agent must heed. */
import { expect, test } from 'vitest';
import { featuresOf, jobSpec, serviceSpec } from '../../../subjects/index.ts';

const tcp = { tcp: { port: 'http' } };

test('an agent must heed what is asked for, and nothing more', () => {
  const of = (more: object) => featuresOf(serviceSpec.parse({ command: ['serve'], ...more }));
  expect(of({})).toEqual([]);
  expect(of({ probes: {} })).toEqual([]);
  expect(of({ probes: { liveness: tcp } })).toEqual(['probes']);
  expect(of({ preStop: { command: ['drain'] } })).toEqual(['pre-stop']);
  expect(of({ init: [], files: [], volumes: [], mounts: [] })).toEqual([]);
  expect(of({ init: [{ command: ['migrate'] }] })).toEqual(['init']);
  expect(of({ files: [{ path: 'a', text: '' }] })).toEqual(['files']);
  const volume = { name: 'a', path: 'a' };
  expect(of({ volumes: [volume] })).toEqual(['volumes']);
  const inMemory = { ...volume, medium: 'memory', size: '1Mi' };
  expect(of({ volumes: [volume, inMemory] })).toEqual(['volumes', 'memory-volumes']);
  expect(of({ mounts: [{ source: '/srv', path: '/srv' }] })).toEqual(['mounts']);
  expect(of({ ports: [{ name: 'http' }, { name: 'b', protocol: 'tcp' }] })).toEqual([]);
  const dns = { name: 'dns', host: 53, protocol: 'udp' };
  expect(of({ ports: [dns] })).toEqual(['fixed-ports', 'udp']);
  expect(of({ network: 'default' })).toEqual([]);
  expect(of({ network: 'none' })).toEqual(['network-none']);
  expect(of({ resources: { devices: {}, bandwidth: '1M', iops: 'high' } })).toEqual([]);
  expect(of({ resources: { devices: { gpu: 1 } } })).toEqual(['devices']);
  expect(of({ limits: { disk: '1Gi' } })).toEqual(['disk-limit']);
  expect(of({ limits: { bandwidth: '1M' } })).toEqual(['bandwidth-limit']);
  expect(of({ limits: { iops: 'low' } })).toEqual(['iops-limit']);
  const job = jobSpec.parse({ command: ['work'], init: [{ command: ['fetch'] }] });
  expect(featuresOf(job)).toEqual(['init']);
});
