/**
 * What people are woken for: Prometheus's own tool reads the rules and the configuration that are deployed,
 * and each alert goes off when what it is about lasts long enough, with its words, and else it does not.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { obtainProgram } from '../../local/program.ts';
import { prometheus } from '../../local/programs.ts';

const call = promisify(execFile);
const RULES = resolve('deploy/prometheus/alerts.yml');

interface Rule {
  readonly alert: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: { readonly summary: string; readonly description: string };
}
/** Series and their values, every 15 s. */
type Series = Readonly<Record<string, string>>;
interface Case {
  readonly alert: string;
  /** What makes it go off. */
  readonly bad: Series;
  /** Something like it that does not. */
  readonly calm: Series;
  /** When it has not gone off yet, and when it has; absent: at once. */
  readonly quietAt?: string;
  readonly at: string;
  /** Labels besides those of the rule. */
  readonly labels?: Readonly<Record<string, string>>;
  readonly summary: string;
}

const up = (job: string, instance: string) => `up{job="${job}",instance="${instance}"}`;
const calls = (status: string) =>
  `shoal_ingress_requests_total{host="web.localhost",status="${status}"}`;
const cases: readonly Case[] = [
  {
    ...{ alert: 'ShoalGatewayDown', quietAt: '30s', at: '75s' },
    bad: { [up('shoal-gateway', 'g1')]: '1 0x20' },
    calm: { [up('shoal-gateway', 'g1')]: '1x20', [up('else', 'e1')]: '0x20' },
    labels: { job: 'shoal-gateway', instance: 'g1' },
    summary: 'The gateway g1 does not answer',
  },
  {
    ...{ alert: 'ShoalNobodyActs', quietAt: '15s', at: '1m' },
    bad: {
      'shoal_actor_acting{actor="pool",instance="c1"}': '0x20',
      'shoal_actor_acting{actor="pool",instance="c2"}': '0x20',
    },
    calm: {
      'shoal_actor_acting{actor="pool",instance="c1"}': '0x20',
      'shoal_actor_acting{actor="pool",instance="c2"}': '1x20',
    },
    ...{ labels: { actor: 'pool' }, summary: 'No copy of pool acts' },
  },
  {
    ...{ alert: 'ShoalControlGone', quietAt: '15s', at: '1m', bad: {} },
    calm: { 'shoal_actor_acting{actor="pool"}': '1x20' },
    summary: 'No control plane tells anything',
  },
  {
    ...{ alert: 'ShoalStoreRefuses', quietAt: '0s', at: '45s' },
    bad: { 'shoal_store_state{state="full",instance="c1"}': '1x20' },
    calm: { 'shoal_store_state{state="full"}': '0x20', 'shoal_store_state{state="ok"}': '1x20' },
    ...{ labels: { state: 'full' }, summary: 'The store takes no writes: full' },
  },
  {
    ...{ alert: 'ShoalStoreSlow', quietAt: '4m', at: '6m' },
    bad: { 'shoal_store_state{state="slow"}': '1x40' },
    calm: { 'shoal_store_state{state="slow"}': '1x8 0 1x20' },
    summary: 'The store has been slow for five minutes',
  },
  {
    ...{ alert: 'ShoalNodeOffline', quietAt: '30s', at: '90s' },
    bad: { 'shoal_nodes{state="offline"}': '2x20' },
    calm: { 'shoal_nodes{state="offline"}': '0x20', 'shoal_nodes{state="ready"}': '2x20' },
    ...{ labels: { state: 'offline' }, summary: '2 nodes are offline' },
  },
  {
    ...{ alert: 'ShoalInstancesWait', quietAt: '4m', at: '6m' },
    bad: { 'shoal_instances{phase="pending"}': '3x40' },
    calm: { 'shoal_instances{phase="ready"}': '3x40' },
    labels: { phase: 'pending' },
    summary: '3 instances have had no node for five minutes',
  },
  {
    ...{ alert: 'ShoalInstancesFail', quietAt: '9m', at: '11m' },
    bad: { 'shoal_instances{phase="backing-off"}': '1x60' },
    calm: { 'shoal_instances{phase="backing-off"}': '1x20 0 1x20' },
    labels: { phase: 'backing-off' },
    summary: '1 instances end again and again',
  },
  {
    ...{ alert: 'ShoalDeadLetters', quietAt: '30s', at: '90s' },
    bad: {
      'shoal_dead_letters{actor="pool"}': '1x20',
      'shoal_dead_letters{actor="claim"}': '2x20',
    },
    calm: { 'shoal_dead_letters{actor="pool"}': '0x20' },
    summary: '3 messages could not be handled',
  },
  {
    ...{ alert: 'ShoalStepsThrow', at: '2m', labels: { actor: 'pool' } },
    bad: { 'shoal_actor_faults_total{actor="pool"}': '0 0 1x20' },
    calm: { 'shoal_actor_faults_total{actor="pool"}': '5x20' },
    summary: 'Steps of pool threw',
  },
  {
    ...{ alert: 'ShoalMailboxFull', at: '2m', labels: { actor: 'pool' } },
    bad: { 'shoal_actor_dropped_total{actor="pool"}': '0 0 4x20' },
    calm: { 'shoal_actor_dropped_total{actor="pool"}': '4x20' },
    summary: 'pool turns messages away',
  },
  {
    ...{ alert: 'ShoalIngressFails', quietAt: '90s', at: '4m' },
    bad: { [calls('200')]: '0+97x40', [calls('502')]: '0+3x40' },
    calm: { [calls('200')]: '0+997x40', [calls('502')]: '0+3x40', [calls('404')]: '0+500x40' },
    labels: { host: 'web.localhost' },
    summary: 'One in a hundred calls of web.localhost fails, or more',
  },
];

let folder: string;
let promtool: (...words: string[]) => Promise<string>;
let rules: readonly Rule[];
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'shoal-alerts-'));
  const { path, environment } = await obtainProgram(prometheus);
  promtool = async (...words) => {
    const env = { ...process.env, ...environment };
    return (await call(join(dirname(path), 'promtool'), words, { env })).stdout;
  };
  rules = parse(await readFile(RULES, 'utf8')).groups[0].rules;
});
afterAll(() => rm(folder, { recursive: true, force: true }));

test('rules and configuration are what Prometheus reads', async () => {
  expect(await promtool('check', 'rules', RULES)).toContain(`SUCCESS: ${rules.length} rules found`);
  const config = await readFile('deploy/compose/prometheus/prometheus.yml', 'utf8');
  // Where they lie in its container.
  const here = config.replace('/etc/prometheus/alerts.yml', RULES);
  expect(here).not.toBe(config);
  await writeFile(join(folder, 'prometheus.yml'), here);
  expect(await promtool('check', 'config', join(folder, 'prometheus.yml'))).toContain('SUCCESS');
});

test('every alert has a case', () => {
  expect(cases.map(({ alert }) => alert)).toEqual(rules.map(({ alert }) => alert));
});

test.each(cases)('$alert goes off in its time, with its words, and not else', async (of) => {
  const { alert, bad, calm, quietAt, at, labels = {}, summary } = of;
  const rule = rules.find((each) => each.alert === alert);
  const description = rule?.annotations.description.replaceAll(
    /\{\{ \$labels\.(\w+) \}\}/g,
    (_, name: string) => labels[name] ?? '',
  );
  const alerts = {
    exp_labels: { ...rule?.labels, ...labels },
    exp_annotations: { description, summary },
  };
  const group = (series: Series, tests: readonly object[]) => ({
    interval: '15s',
    input_series: Object.entries(series).map(([name, values]) => ({ series: name, values })),
    alert_rule_test: tests.map((each) => ({ alertname: alert, ...each })),
  });
  const quiet = quietAt === undefined ? [] : [{ eval_time: quietAt, exp_alerts: [] }];
  const file = join(folder, `${alert}.yml`);
  const tests = [
    group(bad, [...quiet, { eval_time: at, exp_alerts: [alerts] }]),
    group(calm, [{ eval_time: at, exp_alerts: [] }]),
  ];
  await writeFile(
    file,
    stringify({ rule_files: [RULES], evaluation_interval: '15s', tests }, { lineWidth: 0 }),
  );
  expect(await promtool('test', 'rules', file)).toContain('SUCCESS');
});
