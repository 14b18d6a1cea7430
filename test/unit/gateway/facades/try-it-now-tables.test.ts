/** Which tables of demos go, and when. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Booking,
  dutiesOf,
  isPrefix,
  prefixOf,
  quoted,
} from '../../../../gateway/facades/try-it-now/tables/prefixes.ts';

const mine = { tenant: 'default', pool: 'demo' };
const booking = (slot: string, more: Partial<Booking> = {}): Booking => ({
  ...{ ...mine, slot, prefix: prefixOf(slot), seen: 5 },
  ...more,
});
const duties = (booked: readonly Booking[], slots: readonly string[], seen = 9) =>
  dutiesOf(booked, { ...mine, slots: new Set(slots), seen });

describe('a prefix', () => {
  test('is of one form, for every slot', () => {
    // As `printf %s demo-4f2abk9x0w | sha256sum` says.
    expect(prefixOf('demo-4f2abk9x0w')).toBe('de90bd1b9_');
    fc.assert(fc.property(fc.string(), (slot) => isPrefix(prefixOf(slot))));
  });

  test('is nothing else', () => {
    for (const text of [
      '',
      'd%',
      'd0123456_',
      'd012345678_',
      'D01234567_',
      'd01234567_\n',
      "d' OR 1_",
    ]) {
      expect(isPrefix(text)).toBe(false);
    }
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        expect(isPrefix(text)).toBe(/^d[0-9a-f]{8}_$/.test(text) && text.length === 10);
      }),
    );
  });

  test('and what follows it is one name in a statement, whatever it is', () => {
    expect(quoted('a`; DROP TABLE b; --')).toBe('`a``; DROP TABLE b; --`');
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('`', '\\', "'", '"', 'a', ';', '.') }),
        (name) => {
          const inner = quoted(name).slice(1, -1);
          // Every backtick is one of a pair: none ends the name before its end.
          expect(inner.replaceAll('``', '')).not.toContain('`');
          expect(inner.replaceAll('``', '`')).toBe(name);
        },
      ),
    );
  });
});

describe('what is to be done', () => {
  test('is to book slots, and to drop what is booked for slots that are gone', () => {
    const found = duties([booking('demo-a'), booking('demo-b')], ['demo-b', 'demo-c']);
    expect(found).toEqual({
      book: [booking('demo-c', { seen: 9 })],
      drop: [prefixOf('demo-a')],
      forget: [booking('demo-a')],
    });
  });

  test('is nothing about slots a gateway may not have heard of, nor about other pools', () => {
    const others = [booking('other-a', { pool: 'other' }), booking('demo-x', { tenant: 'b' })];
    const nothing = { book: [], drop: [], forget: [] };
    expect(duties([booking('demo-a', { seen: 10 }), ...others], [])).toEqual(nothing);
    expect(duties([booking('demo-a', { seen: 9 })], []).drop).toEqual([prefixOf('demo-a')]);
  });

  test('is nothing to tables whose prefix another slot has, until that is gone, too', () => {
    const prefix = prefixOf('demo-a');
    const twin = booking('demo-z', { prefix });
    expect(duties([booking('demo-a'), twin], ['demo-z'])).toEqual({
      ...{ book: [], drop: [], forget: [booking('demo-a')] },
    });
    expect(duties([twin], []).drop).toEqual([prefix]);
    expect(duties([booking('demo-a'), booking('x', { pool: 'x', prefix })], []).drop).toEqual([]);
  });

  test('is nothing to tables where what is booked is no prefix', () => {
    for (const prefix of ['', '%', 'd%', 'template_', "d' OR '1_"]) {
      expect(duties([booking('demo-a', { prefix })], []).drop).toEqual([]);
    }
  });
});

const name = fc.constantFrom('a', 'b', 'c', 'd').map((each) => `demo-${each}`);
const step = fc.oneof(
  fc.record({ kind: fc.constant('made' as const), slot: name }),
  fc.record({ kind: fc.constant('gone' as const), slot: name }),
  fc.record({ kind: fc.constantFrom('reads' as const, 'looks' as const), gateway: fc.nat(1) }),
);

test('whoever looks when, no table of a slot that is there is dropped, and in the end none is left', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let revision = 1;
      const alive = new Set<string>();
      const ever = new Set<string>();
      const tables = new Set<string>();
      let booked: Booking[] = [];
      const gateways = [0, 1].map(() => ({ slots: new Set<string>(), seen: 0 }));
      const look = ({ slots, seen }: { slots: ReadonlySet<string>; seen: number }) => {
        const { book, drop, forget } = dutiesOf(booked, { ...mine, slots, seen });
        booked = [...booked.filter((each) => !forget.includes(each)), ...book];
        for (const prefix of drop) {
          for (const slot of alive) {
            expect(prefixOf(slot)).not.toBe(prefix);
          }
          tables.delete(prefix);
        }
      };
      for (const each of steps) {
        // A slot never comes back under its name.
        if (each.kind === 'made' && !ever.has(each.slot)) {
          revision++;
          ever.add(each.slot);
          alive.add(each.slot);
          // It makes tables once its gateway can know of it.
          Object.assign(gateways[0] as object, { slots: new Set(alive), seen: revision });
          look(gateways[0] as (typeof gateways)[number]);
          tables.add(prefixOf(each.slot));
        } else if (each.kind === 'gone' && alive.delete(each.slot)) revision++;
        else if (each.kind === 'reads') {
          Object.assign(gateways[each.gateway] as object, {
            slots: new Set(alive),
            seen: revision,
          });
        } else if (each.kind === 'looks') look(gateways[each.gateway] as (typeof gateways)[number]);
      }
      alive.clear();
      look({ slots: alive, seen: revision + 1 });
      expect([...tables]).toEqual([]);
      expect(booked).toEqual([]);
    }),
  );
});
