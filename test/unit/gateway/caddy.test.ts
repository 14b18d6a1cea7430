/** What is written into a Caddy: decided from what it has and what should be. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CaddyRoute,
  decide,
  type Found,
  tableId,
  tableOf,
  type Wanted,
  type Write,
} from '../../../gateway/caddy/table.ts';
import { wantedRoutes } from '../../../gateway/caddy/wanted.ts';
import { type Observed, type Slot, slotRecord } from '../../../subjects/index.ts';
import { Hand, instanceOf, nodeOf, observedOf } from './behind.ts';

const server = 'shoal';
const wantedOf = (routes: readonly CaddyRoute[], at = 1, more: Partial<Wanted> = {}): Wanted => ({
  ...{ server, listen: [':80'], ingress: '127.0.0.1:8481', routes, isOverruling: false },
  ...{ seen: { wanted: at, observed: at }, ...more },
});
const route = (name: string, port = 1): CaddyRoute => ({
  ...{ host: `${name}.demo.test`, dial: `127.0.0.1:${port}` },
});

type Json = Record<string, unknown>;

/** As much of Caddy as the table needs: a configuration that is changed at a path, under a tag. */
class FakeCaddy {
  servers: Record<string, { listen?: string[]; routes?: Json[] }> = {};
  reloads = 0;

  find(): Found {
    const table = this.#table();
    if (table) return { kind: 'table', etag: JSON.stringify(table), handler: table };
    const own = this.servers[server];
    return { kind: 'none', server: own && { routes: own.routes?.length ?? 0 } };
  }

  /** False: it was refused. */
  write({ method, path, ifMatch, body }: Write): boolean {
    const text = JSON.parse(JSON.stringify(body)) as Json;
    const own = this.servers[server];
    const base = `/config/apps/http/servers/${server}`;
    if (method === 'PATCH' && path === `/id/${tableId(server)}`) {
      const table = this.#table();
      if (!table || ifMatch !== JSON.stringify(table)) return false;
      for (const name of Object.keys(table)) delete table[name];
      Object.assign(table, text);
    } else if (method === 'PUT' && path === base) {
      if (own) return false;
      this.servers[server] = text;
    } else if (path === `${base}/routes` || path === `${base}/routes/0`) {
      // Two tables would have one id.
      if (!own || this.#table()) return false;
      own.routes = [text, ...(own.routes ?? [])];
    } else throw new Error(`${method} ${path} is nothing that Caddy takes`);
    this.reloads++;
    return true;
  }

  /** The routes of the table. */
  routes(): Json[] {
    return (this.#table()?.['routes'] ?? []) as Json[];
  }

  /** What else there is, as text. */
  foreign(): string {
    const all = Object.entries(this.servers).map(([name, { routes = [], ...rest }]) => {
      const others = routes.filter((each) => !JSON.stringify(each).includes(tableId(server)));
      return [name, rest, others];
    });
    return JSON.stringify(all);
  }

  #table(): Json | undefined {
    for (const { routes = [] } of Object.values(this.servers)) {
      for (const { handle = [] } of routes as { handle?: Json[] }[]) {
        const found = handle.find((each) => each['@id'] === tableId(server));
        if (found) return found;
      }
    }
    return undefined;
  }
}

/** What Caddy leads to where, as its routes say. */
const leads = (caddy: FakeCaddy): readonly CaddyRoute[] =>
  caddy.routes().flatMap((each) => {
    const host = (each['match'] as { host: string[] }[] | undefined)?.[0]?.host[0];
    const [proxy] = each['handle'] as { upstreams?: { dial: string }[] }[];
    const dial = proxy?.upstreams?.[0]?.dial;
    return host === undefined || dial === undefined ? [] : [{ host, dial }];
  });

function look(caddy: FakeCaddy, wanted: Wanted): string {
  const decision = decide(caddy.find(), wanted);
  if (decision.kind === 'write') caddy.write(decision.write);
  return decision.kind;
}

describe('a table', () => {
  test('comes with its server, and what no route is for goes to the ingress', () => {
    const caddy = new FakeCaddy();
    expect(look(caddy, wantedOf([route('a')]))).toBe('write');
    expect(caddy.servers['shoal']).toMatchObject({
      listen: [':80'],
      routes: [
        { handle: [{ '@id': 'shoal-routes', handler: 'subroute' }] },
        { handle: [{ handler: 'reverse_proxy', upstreams: [{ dial: '127.0.0.1:8481' }] }] },
      ],
    });
    expect(caddy.routes()[1]).toEqual({
      '@id': 'shoal-route-a.demo.test',
      match: [{ host: ['a.demo.test'] }],
      handle: [{ handler: 'reverse_proxy', upstreams: [{ dial: '127.0.0.1:1' }] }],
      terminal: true,
    });
    expect(look(caddy, wantedOf([route('a')]))).toBe('same');
  });

  test('of a server that is there becomes its first route; the others stay', () => {
    for (const routes of [undefined, [], [{ handle: [{ handler: 'static_response' }] }]]) {
      const caddy = new FakeCaddy();
      caddy.servers['shoal'] = { listen: [':443'], ...(routes ? { routes } : {}) };
      const before = caddy.foreign();
      expect(look(caddy, wantedOf([route('a')]))).toBe('write');
      expect(leads(caddy)).toEqual([route('a')]);
      expect(caddy.foreign()).toBe(before);
    }
  });

  test('changes in one write, however much of it changes', () => {
    const caddy = new FakeCaddy();
    look(caddy, wantedOf([route('a'), route('b'), route('c')]));
    expect(look(caddy, wantedOf([route('b', 2), route('c'), route('d')], 2))).toBe('write');
    expect(leads(caddy)).toEqual([route('b', 2), route('c'), route('d')]);
    expect(caddy.reloads).toBe(2);
  });

  test('that says the same is not written because more was seen', () => {
    const caddy = new FakeCaddy();
    look(caddy, wantedOf([route('a')], 1));
    expect(look(caddy, wantedOf([route('a')], 9))).toBe('same');
  });

  test('whose writer had seen more is left alone, by either revision, until it is overruled', () => {
    const caddy = new FakeCaddy();
    look(caddy, wantedOf([route('a')], 5));
    for (const seen of [
      { wanted: 4, observed: 9 },
      { wanted: 9, observed: 4 },
    ]) {
      expect(decide(caddy.find(), wantedOf([], 0, { seen }))).toEqual({
        ...{ kind: 'behind', seen: { wanted: 5, observed: 5 } },
      });
    }
    expect(look(caddy, wantedOf([], 4, { isOverruling: true }))).toBe('write');
    expect(leads(caddy)).toEqual([]);
  });

  test('that was changed since it was read is not written over', () => {
    const caddy = new FakeCaddy();
    look(caddy, wantedOf([route('a')], 1));
    const late = decide(caddy.find(), wantedOf([route('a'), route('b')], 2));
    look(caddy, wantedOf([route('c')], 3));
    expect(late.kind === 'write' && caddy.write(late.write)).toBe(false);
    expect(leads(caddy)).toEqual([route('c')]);
  });

  test('is not looked for in what is something else', () => {
    for (const handler of [null, 7, 'text', [], { handler: 'file_server' }]) {
      const found: Found = { kind: 'table', etag: '', handler };
      expect(decide(found, wantedOf([])).kind).toBe('strange');
    }
  });

  test('has an id for each host: dots are not dashes', () => {
    const { routes } = tableOf(wantedOf([route('a-b.c'), route('a.b-c'), route('a.b.c')]));
    expect(new Set(routes.map((each) => each['@id'])).size).toBe(4);
  });
});

const hosts = ['a', 'b', 'c', 'd'];
const event = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('store' as const),
      routes: fc.uniqueArray(
        fc.record({ name: fc.constantFrom(...hosts), port: fc.integer({ min: 1, max: 3 }) }),
        { selector: ({ name }) => name },
      ),
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      kind: fc.constantFrom('reads' as const, 'looks' as const, 'writes' as const, 'acts' as const),
      gateway: fc.nat(2),
    }),
  },
  fc.record({ kind: fc.constant('restart' as const), has: fc.nat(2) }),
  fc.record({ kind: fc.constant('edit' as const), what: fc.nat(4), at: fc.nat(5) }),
);

test('whatever happens to the store, to Caddy and among gateways, it comes to have what it should', () => {
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const caddy = new FakeCaddy();
      const strangers = { listen: [':443'], routes: [{ handle: [{ handler: 'file_server' }] }] };
      caddy.servers['other'] = structuredClone(strangers);
      let now: readonly CaddyRoute[] = [];
      let revision = 0;
      const gateways = Array.from({ length: 3 }, () => ({
        ...{ routes: now, at: 0 },
        planned: undefined as { write: Write; at: number } | undefined,
      }));
      /** The newest that any writer of the table that is there had seen. */
      let newest = 0;
      const reset = () => {
        newest = 0;
      };
      const write = (planned: { write: Write; at: number }) => {
        if (!caddy.write(planned.write)) return;
        expect(planned.at).toBeGreaterThanOrEqual(newest);
        newest = planned.at;
      };
      for (const each of events) {
        if (each.kind === 'store') {
          now = each.routes.map(({ name, port }) => route(name, port));
          revision++;
        } else if (each.kind === 'restart') {
          const bare = each.has === 1 ? { shoal: structuredClone(strangers) } : {};
          caddy.servers = { other: structuredClone(strangers), ...bare };
          reset();
        } else if (each.kind === 'edit') {
          const routes = caddy.routes();
          const { at, what } = each;
          if (what === 0) routes.splice(at, 1);
          if (what === 1) routes.splice(at, 0, { handle: [{ handler: 'file_server' }] });
          if (what === 2 && routes[at]) routes[at] = { ...routes[at], terminal: false };
          if (what === 3) delete caddy.servers['shoal'];
          if (what === 4) caddy.servers['shoal']?.routes?.push({ handle: [{ handler: 'x' }] });
          // A mark that was edited says no more what its writer had seen.
          reset();
        } else {
          const gateway = gateways[each.gateway] as (typeof gateways)[number];
          if (each.kind === 'reads') Object.assign(gateway, { routes: now, at: revision });
          if (each.kind === 'looks' || each.kind === 'acts') {
            const decision = decide(caddy.find(), wantedOf(gateway.routes, gateway.at));
            gateway.planned =
              decision.kind === 'write' ? { write: decision.write, at: gateway.at } : undefined;
          }
          if ((each.kind === 'writes' || each.kind === 'acts') && gateway.planned) {
            write(gateway.planned);
            gateway.planned = undefined;
          }
        }
      }
      const foreign = caddy.servers['shoal'] && caddy.foreign();
      for (const _ of gateways) {
        const decision = decide(caddy.find(), wantedOf(now, revision));
        if (decision.kind === 'write') write({ write: decision.write, at: revision });
      }
      const byHost = (routes: readonly CaddyRoute[]) =>
        [...routes].sort((one, other) => (one.host < other.host ? -1 : 1));
      expect(byHost(leads(caddy))).toEqual(byHost(now));
      expect(caddy.routes()).toHaveLength(now.length + 1);
      expect(decide(caddy.find(), wantedOf(now, revision)).kind).toBe('same');
      if (foreign !== undefined) expect(caddy.foreign()).toBe(foreign);
      expect(caddy.servers['other']).toEqual(strangers);
    }),
    { numRuns: 200 },
  );
});

describe('the routes that Caddy should have', () => {
  const slotOf = (slot: string, state: Slot['state']): Slot => ({
    ...{ tenant: 'default', pool: 'demo', slot, state, generation: 1, createdAt: 1, changedAt: 1 },
    last: { verb: 'ready', at: 1, message: '' },
  });
  const handWith = (slots: Readonly<Record<string, Slot['state']>>): Hand => {
    const hand = new Hand();
    hand.node(nodeOf('n1'));
    for (const [slot, state] of Object.entries(slots)) {
      hand.put(slotRecord, { tenant: 'default', pool: 'demo', slot }, slotOf(slot, state));
      hand.route({ tenant: 'default', host: `${slot}.test`, workload: slot, port: 'http' });
    }
    return hand;
  };
  const runs = (hand: Hand, slot: string, more: Partial<Observed> = {}): void => {
    const id = `${slot}-1`;
    hand.instance(instanceOf(id, { workload: slot }));
    hand.observed(observedOf(id, { workload: slot, ports: { http: 8_000 }, ...more }));
  };

  test('are those of slots whose program has a port, ready or not, until they are drained', () => {
    const hand = handWith({
      ...{ 'demo-d': 'claimed', 'demo-a': 'warming', 'demo-b': 'warming' },
      ...{ 'demo-c': 'ready', 'demo-e': 'draining', 'demo-f': 'warming' },
    });
    for (const slot of ['demo-a', 'demo-c', 'demo-d', 'demo-e']) {
      runs(hand, slot, { isReady: slot !== 'demo-a' });
    }
    runs(hand, 'demo-b', { state: 'starting', isReady: false });
    // A service has a route, too, and is no slot.
    hand.route({ tenant: 'default', host: 'web.test', workload: 'web', port: 'http' });
    runs(hand, 'web');
    expect(wantedRoutes(hand.known)).toEqual(
      ['demo-a', 'demo-c', 'demo-d'].map((slot) => ({
        ...{ host: `${slot}.test`, dial: '10.0.0.1:8000' },
      })),
    );
  });

  test.each([
    ['fd00::1', '[fd00::1]:8000'],
    ['n1.lan', 'n1.lan:8000'],
    ['unix//run/docker.sock', undefined],
    ['{http.request.host}', undefined],
    ['', undefined],
  ])('lead to %j as %j', (address, dial) => {
    const hand = handWith({ 'demo-a': 'ready' });
    runs(hand, 'demo-a', { address });
    expect(wantedRoutes(hand.known).map((each) => each.dial)).toEqual(dial ? [dial] : []);
  });
});
