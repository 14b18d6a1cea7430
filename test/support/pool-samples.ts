/** Realistic samples of what is said of pools and claims. */
import {
  claimAcquire,
  claimExtend,
  claimInspect,
  claimLeave,
  claimRelease,
  claimWait,
  handOffSpec,
  nodeHandOff,
  poolApply,
  poolDelete,
  poolPurge,
  poolRecord,
  poolWanted,
  quotaRecord,
  quotaRefund,
  quotaTake,
  slotRecord,
  waitRecord,
} from '../../subjects/index.ts';
import { asked, type Sample, said } from './sample.ts';

const at = 1_790_000_000_000;
const mine = { tenant: 'default', pool: 'demo' };
const claim = 'demo-4f2abk9x0w';
const place = '5f0c1d9e7ab34c6f8d2e1a0b9c8d7e';
const digest = '45c276300ff7c93433f24cd023befc1852c4d7834e3af3124ff155b68d3b6e60';
const placement = { labels: { zone: 'garage' }, architecture: 'x64' };
const handOff = handOffSpec.parse({
  environment: { SHOP: 'one' },
  files: [{ path: 'shop.json', text: '{}' }],
  command: ['sh', '-c', 'set-up $SHOP'],
});
const wanted = poolWanted.parse({
  labels: { team: 'shop' },
  spec: {
    template: { command: ['node', 'server.mjs'], ports: [{ name: 'http' }] },
    ...{ ready: 5, minimum: 8, maximum: 20, ttl: '30m', maximumTtl: '4h', maximumAge: '1d' },
    route: { domain: 'demo.example.com', port: 'http', variable: 'DOMAIN' },
  },
});
const counted = { tenant: 'default', quota: 'demo' };
const caller = '203-0-113-7';
const held = {
  ...{ ...mine, claim, by: 'Grüße', at, until: at + 1_800_000, extended: 0, isHeld: true },
  ...{ node: 'garage-1', address: '192.168.1.20', ports: { http: 41_230 } },
};

export const poolSamples: readonly Sample[] = [
  said(poolRecord, mine, {
    ...{ tenant: 'default', name: 'demo', ...wanted },
    ...{ generation: 3, templateGeneration: 2, purgeGeneration: 2, createdAt: at },
    pace: { warmMs: 2_150, holdMs: 61_000, drainMs: 480 },
    trouble: { since: at + 9_000, message: `${claim}: exited with code 3` },
    last: { verb: 'updated', at, message: 'generation 3: slots stay', askedBy: 'gateway-7' },
  }),
  said(
    slotRecord,
    { ...mine, slot: claim },
    {
      ...{ ...mine, slot: claim, state: 'claimed', generation: 2, createdAt: at, changedAt: at },
      endpoint: {
        ...{ instance: `${claim}-0qk3e`, epoch: 1, node: 'garage-1' },
        ...{ address: '192.168.1.20', ports: { http: 41_230 } },
      },
      claim: {
        ...{ by: 'Grüße', at, since: at + 60_000, until: at + 1_860_000, extended: 1 },
        ...{ askedBy: place, extendedBy: 'gateway-9', digest },
      },
      last: { verb: 'extended', at: at + 60_000, message: 'by 1m' },
    },
  ),
  asked(
    poolApply,
    mine,
    { wanted, mode: 'put', ifGeneration: 2 },
    { generation: 3, change: 'updated' },
  ),
  asked(poolPurge, mine, { ifGeneration: 3 }, { generation: 4, slots: 5 }),
  asked(poolDelete, mine, { ifGeneration: 3 }, { slots: 5, claims: 1 }),
  asked(claimAcquire, mine, { ttl: '30m', by: 'Grüße', placement }, held),
  asked(claimExtend, mine, { claim, by: '1m' }, { ...held, until: at + 1_860_000, extended: 1 }),
  asked(claimRelease, mine, { claim }, { ...held, isHeld: false, wasOver: false }),
  asked(claimInspect, mine, { claim }, held),
  said(
    waitRecord,
    { ...mine, place },
    { ...mine, place, by: 'Grüße', digest, placement, at, until: at + 30_000 },
  ),
  asked(
    claimWait,
    mine,
    { place, wait: '30s', ttl: '30m', by: 'Grüße', digest, placement },
    { place: { position: 3, waiting: 7, etaMs: 2_400, until: at + 30_000, againMs: 1_000 } },
  ),
  asked(
    nodeHandOff,
    { node: 'n1' },
    { tenant: 'default', instance: 'demo-4f2abk9x0w-5pytj', epoch: 1, claim, handOff },
    { node: 'n1', exitCode: 0, output: 'ready\n' },
  ),
  asked(claimLeave, mine, { place }, { wasThere: true, claim: { ...held, isHeld: false } }),
  said(
    quotaRecord,
    { ...counted, caller },
    {
      ...{ ...counted, caller, at: at + 60_000 },
      windows: [
        { windowMs: 3_600_000, count: 1, since: at },
        { windowMs: 86_400_000, count: 3, since: at },
      ],
      takes: [
        { id: 'gateway-10', at: at + 50_000, isRefunded: true },
        { id: 'gateway-11', at: at + 60_000 },
      ],
    },
  ),
  asked(
    quotaTake,
    counted,
    { caller, windows: [{ windowMs: 3_600_000, limit: 2 }] },
    { take: 'gateway-11' },
  ),
  asked(quotaRefund, counted, { caller, take: 'gateway-11' }, { isRefunded: true }),
];
