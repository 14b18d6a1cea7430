/** The calls of Try It Now, each translated to the fabric's. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { claimExtend } from '../../../subjects/index.ts';
import type { Inside } from '../../inside.ts';
import { Acquiring, release, resultOf } from './acquire.ts';
import { fail, json } from './answers.ts';
import type { Demo, Demos } from './demos.ts';
import { GO_ZERO_TIME, goSpanText, goTime } from './go-text.ts';
import type { DemoMeters } from './metrics.ts';
import { minutesIn } from './minutes.ts';
import { endSecond, secondsLeft } from './remaining.ts';
import type { TryItNowSettings } from './settings.ts';
import type { StatusStreams } from './status-stream.ts';

/** What the calls need. */
export interface Facade {
  readonly inside: Inside;
  readonly settings: TryItNowSettings;
  readonly demos: Demos;
  readonly meters: DemoMeters;
  readonly streams: StatusStreams;
}

type WithId = FastifyRequest<{ readonly Params: { readonly id: string } }>;

/** Whether the store can be read: what is known may be old otherwise. */
export function isReachable({ known, bus, store }: Inside): boolean {
  return known.isCurrent && bus().connected && !['full', 'read-only'].includes(store().state);
}

export function healthRoute(app: FastifyInstance, { inside, settings }: Facade): void {
  app.get('/health', async (_request, reply) =>
    isReachable(inside)
      ? json(reply, { status: 'ok', mode: settings.mode })
      : json(reply, { status: 'unhealthy', error: 'store unavailable' }, 503),
  );
}

export function metricsRoute(app: FastifyInstance, { meters }: Facade): void {
  app.get('/metrics', async (request, reply) => {
    const { type, body } = await meters.text(request.headers.accept);
    return reply.header('content-type', type).send(body);
  });
}

export function acquireRoute(app: FastifyInstance, facade: Facade): void {
  const { inside, settings, demos, meters } = facade;
  const acquiring = new Acquiring(inside, demos, settings);
  app.post('/api/v1/demo/acquire', async (request, reply) => {
    const began = process.hrtime.bigint();
    const caller = settings.proxies.callerOf(request.socket.remoteAddress ?? '', request.headers);
    const acquired = await acquiring.acquire(caller, () => reply.raw.destroyed);
    const seconds = Number(process.hrtime.bigint() - began) / 1e9;
    meters.acquired(resultOf(acquired), seconds);
    if (!acquired.ok) {
      const { hourly, daily } = settings;
      const limits = `Limit: ${hourly} per hour, ${daily} per day`;
      return fail(reply, acquired.code, acquired.code === 'RATE_LIMITED' ? limits : undefined);
    }
    const { id, host, until } = acquired;
    return json(reply, {
      ...{ id, ...demos.urlsOf(host), expires_at: goTime(until) },
      ttl_seconds: secondsLeft(until, Date.now()),
    });
  });
}

export function demoRoutes(app: FastifyInstance, facade: Facade): void {
  const { inside, demos, meters, streams } = facade;

  app.get('/api/v1/demo/:id', async (request: WithId, reply) => {
    const demo = demos.find(request.params.id);
    if (!demo) return fail(reply, inside.known.isCurrent ? 'NOT_FOUND' : 'GET_ERROR');
    return json(reply, shown(demo, demos));
  });

  app.get('/api/v1/demo/:id/status', async (request: WithId, reply) => {
    const demo = demos.find(request.params.id);
    if (!demo) return fail(reply, inside.known.isCurrent ? 'NOT_FOUND' : 'GET_ERROR');
    streams.answer(reply, demos, demo);
    return reply;
  });

  app.post('/api/v1/demo/:id/extend', async (request: WithId, reply) => {
    const minutes = await minutesIn(request.raw);
    if (minutes === undefined) return fail(reply, 'INVALID_REQUEST');
    const demo = demos.find(request.params.id);
    if (!demo) return fail(reply, inside.known.isCurrent ? 'NOT_FOUND' : 'GET_ERROR');
    const { tenant, pool, slot } = demo.slot;
    const by = `${minutes}m`;
    const { answer } = await inside.inquire(claimExtend, { tenant, pool }, { claim: slot, by });
    if (answer.ok) {
      const { until } = answer.value;
      const left = secondsLeft(until, Date.now());
      return json(reply, { id: demo.id, expires_at: wholeTime(until), ttl_remaining: left });
    }
    const { code } = answer.refusal;
    if (code === 'claim-not-found' || code === 'claim-over') return fail(reply, 'NOT_FOUND');
    if (code !== 'ttl-too-long') return fail(reply, 'EXTEND_ERROR');
    const most = goSpanText(demos.maximumSeconds() ?? 0);
    const left = goSpanText(secondsLeft(demo.claim.until, Date.now()));
    const details = `Maximum TTL is ${most}, current remaining: ${left}`;
    return fail(reply, 'MAX_TTL_EXCEEDED', details);
  });

  app.delete('/api/v1/demo/:id', async (request: WithId, reply) => {
    const demo = demos.find(request.params.id);
    if (!demo) return fail(reply, inside.known.isCurrent ? 'NOT_FOUND' : 'GET_ERROR');
    const failure = await release(inside, demo);
    if (failure) return fail(reply, failure);
    meters.released('manual');
    const message = 'Demo instance has been released';
    return json(reply, { id: demo.id, status: 'released', message });
  });
}

export function statsRoute(app: FastifyInstance, { demos }: Facade): void {
  app.get('/api/v1/pool/stats', async (_request, reply) => {
    const counts = demos.counts();
    return counts ? json(reply, counts) : fail(reply, 'STATS_ERROR');
  });
}

function shown({ id, slot, claim }: Demo, demos: Demos): object {
  const { at, until, extended } = claim;
  const urls = demos.urlsOf(demos.hostOf(slot) ?? slot.slot);
  return {
    ...{ id, ...urls, state: 'assigned', created_at: goTime(slot.createdAt) },
    assigned_at: at > 0 ? goTime(at) : GO_ZERO_TIME,
    expires_at: extended > 0 ? wholeTime(until) : goTime(until),
    ttl_remaining_seconds: secondsLeft(until, Date.now()),
  };
}

/** An end that was set anew is told in whole seconds. */
function wholeTime(until: number): string {
  return goTime(endSecond(until) * 1_000);
}
