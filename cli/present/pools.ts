/** Pools and claims for people. */
import { stringify } from 'yaml';
import type { ClaimShape, EventShape, PlaceShape, PoolShape } from '../shapes.ts';
import { type Column, type Fact, type Fit, pairs, table } from '../table.ts';
import { age, ago, lengthText } from './ages.ts';
import { eventTable } from './events.ts';
import { type Paint, plainly } from './paint.ts';
import { labelText, plural, section } from './sections.ts';
import { poolTone } from './tones.ts';

export function poolTable(
  pools: readonly PoolShape[],
  now: number,
  paint?: Paint,
  fit?: Fit,
): string {
  const columns: readonly Column<PoolShape>[] = [
    { title: 'name', text: (each) => each.name },
    { title: 'state', text: (each) => each.state, tone: ({ state }) => poolTone(state) },
    { title: 'ready', text: readyText, align: 'right' },
    { title: 'claimed', text: ({ slots }) => slots.claimed, align: 'right' },
    { title: 'warming', text: ({ slots }) => slots.warming, align: 'right', goes: 1 },
    { title: 'draining', text: ({ slots }) => slots.draining, align: 'right', goes: 1 },
    { title: 'maximum', text: ({ spec }) => spec.maximum, align: 'right', goes: 2 },
    { title: 'age', text: (each) => age(each.createdAt, now), goes: 3 },
    { title: 'trouble', text: ({ trouble }) => trouble?.message, isOptional: true, goes: 4 },
    { title: 'generation', text: (each) => each.generation, align: 'right', isWide: true },
    { title: 'labels', text: ({ labels }) => labelText(labels), isWide: true },
  ];
  return table(columns, pools, paint, fit);
}

/** `4/5`: of how many that are wanted how many are ready. */
function readyText({ slots, spec, sized }: PoolShape): string {
  return `${slots.ready}/${sized?.ready ?? spec.ready}`;
}

export function poolText(
  pool: PoolShape,
  of: {
    readonly claims: readonly ClaimShape[];
    readonly events: readonly EventShape[];
    readonly now: number;
    readonly paint?: Paint;
  },
): string {
  const { now, paint = plainly } = of;
  const { last, slots, spec, sized, trouble } = pool;
  const { warming, claimed, draining } = slots;
  const all = slots.ready + warming + claimed + draining;
  const facts: readonly Fact[] = [
    ['Pool', `${pool.name} (of tenant ${pool.tenant})`],
    ['State', pool.state, poolTone(pool.state)],
    ['Ready', `${slots.ready} of ${sized ? `${sized.ready}, by ${sized.by}` : spec.ready}`],
    ['Slots', `${all} of at most ${spec.maximum}`],
    ['Of them', `${claimed} claimed, ${warming} warming, ${draining} draining`],
    ['In line', pool.waiting ? plural(pool.waiting, 'caller') : undefined],
    ['Trouble', trouble && `${trouble.message} (since ${ago(trouble.since, now)})`, 'bad'],
    ['Generation', pool.generation],
    ['Created', `${ago(pool.createdAt, now)} (${pool.createdAt})`],
    ['Labels', labelText(pool.labels)],
    ['Last', `${last.verb}: ${last.message} (${ago(last.at, now)})`],
  ];
  const claims = of.claims.length === 0 ? 'nobody has one' : claimTable(of.claims, now, paint);
  const events =
    of.events.length === 0 ? 'none in the last day' : eventTable(of.events, now, paint);
  return [
    pairs(facts, paint),
    section('Spec', stringify(spec, { lineWidth: 100 }).trimEnd(), paint),
    section('Claims', claims, paint),
    section('Events', events, paint),
  ].join('\n\n');
}

export function claimTable(
  claims: readonly ClaimShape[],
  now: number,
  paint?: Paint,
  fit?: Fit,
): string {
  // Who has a URL calls that: where its ports are is for those who want all there is to see.
  const hasUrls = claims.every(({ url }) => url !== undefined);
  const columns: readonly Column<ClaimShape>[] = [
    { title: 'claim', text: (each) => each.id },
    { title: 'pool', text: (each) => each.pool, goes: 1 },
    { title: 'left', text: (each) => leftText(each, now) },
    { title: 'by', text: (each) => each.by, isOptional: true, goes: 2 },
    { title: 'node', text: (each) => each.node, goes: 3 },
    { title: 'ports', text: portsText, isWide: hasUrls },
    { title: 'age', text: (each) => age(each.at, now), isWide: true },
    { title: 'extended', text: (each) => each.extended, align: 'right', isWide: true },
    { title: 'url', text: (each) => each.url, isOptional: true },
  ];
  return table(columns, claims, paint, fit);
}

/** A claim by itself, each thing on a line. */
export function claimText(claim: ClaimShape, now: number, paint: Paint): string {
  const facts: readonly Fact[] = [
    ['Claim', claim.id],
    ['Until', `${claim.until} (${leftText(claim, now)} left)`],
    ['Node', claim.node],
    ['Ports', portsText(claim) || 'none'],
    ['URL', claim.url],
    ['Handed off', handOffText(claim)],
  ];
  const { output = '' } = claim.handOff ?? {};
  const printed = output.trimEnd() === '' ? [] : [section('Output', output.trimEnd(), paint)];
  return [pairs(facts, paint), ...printed].join('\n\n');
}

/** `done, exit 0`; undefined: it was given nothing. */
function handOffText({ handOff }: ClaimShape): string | undefined {
  if (!handOff) return undefined;
  const { state, exitCode, message } = handOff;
  const exit = exitCode === undefined ? '' : `, exit ${exitCode}`;
  return `${state}${exit}${message === undefined ? '' : `: ${message}`}`;
}

/** `number 2 of 5 in line, about 12s`: where a caller stands. */
export function placeText({ position, waiting, etaSeconds }: PlaceShape): string {
  const eta =
    etaSeconds === undefined ? '' : `, about ${lengthText(Math.ceil(etaSeconds) * 1_000)}`;
  return `number ${position} of ${waiting} in line${eta}`;
}

/** How long it still lasts; `over` where it does not. */
function leftText({ state, until }: ClaimShape, now: number): string {
  const left = Date.parse(until) - now;
  return state === 'over' || left <= 0 ? 'over' : lengthText(left);
}

/** `http 127.0.0.1:28524, metrics 127.0.0.1:28525` */
function portsText({ address, ports }: ClaimShape): string {
  const named = Object.entries(ports).map(([name, port]) => `${name} ${address}:${port}`);
  return named.join(', ');
}
