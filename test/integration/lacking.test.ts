/** A fabric whose only driver offers little: what a spec needs beside that is refused, feature by feature, with the reason. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Feature, features, featuresOf, wantedSchema } from '../../subjects/index.ts';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';

/** A spec that needs it and nothing else; what is new here needs one, too. */
const NEEDS: Readonly<Record<Feature, object>> = {
  probes: { probes: { liveness: { exec: { command: ['exit', '0'] } } } },
  'pre-stop': { preStop: { command: ['exit', '0'] } },
  init: { init: [{ command: ['exit', '0'] }] },
  files: { files: [{ path: 'a', text: '' }] },
  volumes: { volumes: [{ name: 'a', path: 'a' }] },
  'memory-volumes': { volumes: [{ name: 'a', path: 'a', medium: 'memory', size: '1Mi' }] },
  mounts: { mounts: [{ source: '/srv', path: '/srv' }] },
  'fixed-ports': { ports: [{ name: 'dns', host: 5_353 }] },
  udp: { ports: [{ name: 'dns', protocol: 'udp' }] },
  'network-none': { network: 'none' },
  sidecars: { sidecars: [{ name: 'side', command: ['run'] }] },
  devices: { resources: { devices: { gpu: 1 } } },
  'disk-limit': { limits: { disk: '1Gi' } },
  'bandwidth-limit': { limits: { bandwidth: '1M' } },
  'iops-limit': { limits: { iops: 'low' } },
};

let under: FabricUnderTest;
beforeAll(async () => {
  under = await fabricUnderTest(['n1'], {
    ...{ environment: { SHOAL_DRIVERS: 'memory' }, hasGateway: false },
  });
  const offers = () => under.nodes.get({ node: 'n1' })?.drivers['memory'];
  await eventually(() => offers() !== undefined, 20_000, 'the driver');
});
afterAll(() => under?.[Symbol.asyncDispose]());

const spec = (feature: Feature) => ({ driver: 'memory', command: ['run'], ...NEEDS[feature] });
const heeds = (feature: Feature): boolean =>
  under.nodes.get({ node: 'n1' })?.drivers['memory']?.heeds?.includes(feature) === true;

describe('a spec that needs', () => {
  test.each(features)(
    '%s is placed where the driver heeds it, else refused by that name',
    async (feature) => {
      const wanted = wantedSchema.parse({ kind: 'service', spec: spec(feature) });
      expect(featuresOf(wanted.spec)).toContain(feature);
      const answer = await under.apply(`needs-${feature}`, spec(feature));
      if (heeds(feature)) return expect(answer).toMatchObject({ ok: true });
      const { refusal } = answer as { readonly refusal?: { code: string; detail: string } };
      expect(refusal?.code).toBe('spec-unplaceable');
      expect(refusal?.detail).toContain('removed 1 by features');
      expect(refusal?.detail).toMatch(new RegExp(`lacks ([a-z-]+, )*${feature}\\b`));
    },
  );
});

test('what it heeds is little, and for everything else its node says why', () => {
  expect(features.filter(heeds)).toEqual(['probes', 'pre-stop', 'init']);
  const { notEnforced = {} } = under.nodes.get({ node: 'n1' })?.drivers['memory'] ?? {};
  for (const feature of features) {
    if (!heeds(feature))
      expect(notEnforced[feature], feature).toContain('has no program, files or');
  }
});
