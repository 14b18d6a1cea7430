/** Amounts as people write them, in numbers and back. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bits,
  bitsQuantity,
  bytes,
  bytesQuantity,
  cpuMilli,
  cpuQuantity,
  formatBits,
  formatBytes,
  formatCpu,
  formatSpan,
  spanMs,
  spanQuantity,
} from '../../../subjects/index.ts';

describe('rates of bits', () => {
  test.each([
    ['100M', 1e8, '100M'],
    ['1G', 1e9, '1G'],
    ['1.5k', 1_500, '1.5k'],
    [2_500_000_000, 2.5e9, '2.5G'],
    ['7', 7, '7'],
  ])('%s is %d, and shown as %s', (quantity, expected, shown) => {
    expect(bitsQuantity.safeParse(quantity).success).toBe(true);
    expect(bits(quantity)).toBe(expected);
    expect(formatBits(expected)).toBe(shown);
  });

  test.each(['100Mi', '1K', '0', '0M', '', '-1', 'M', 0, 1.5])('%s is none', (quantity) => {
    expect(bitsQuantity.safeParse(quantity).success).toBe(false);
  });
});

describe('processor time', () => {
  test.each([
    ['250m', 250],
    ['0m', 0],
    ['1', 1000],
    ['0.5', 500],
    ['1.25', 1250],
    ['0.001', 1],
    ['9999', 9_999_000],
    [2, 2000],
    [0.5, 500],
    [0.0001, 1],
    [0, 0],
  ])('%s is %d millicores', (quantity, expected) => {
    expect(cpuQuantity.safeParse(quantity).success).toBe(true);
    expect(cpuMilli(quantity)).toBe(expected);
  });

  test.each(['', 'm', '1.5m', '-1', '1e3', '1 m', '0x1', '250M', '.5', '1.2345', -1, Number.NaN])(
    '%s is no amount',
    (quantity) => {
      expect(cpuQuantity.safeParse(quantity).success).toBe(false);
    },
  );

  test('what rounding leaves of any amount above nothing is not nothing', () => {
    fc.assert(
      fc.property(fc.double({ min: Number.MIN_VALUE, max: 9999, noNaN: true }), (cores) => {
        expect(cpuMilli(cores)).toBeGreaterThan(0);
        expect(cpuMilli(cores)).toBeGreaterThanOrEqual(cores * 1000 - 1e-6);
        expect(cpuMilli(cores)).toBeLessThanOrEqual(Math.max(1, cores * 1000 + 1));
      }),
    );
  });

  test('millicores keep their value through text', () => {
    fc.assert(
      fc.property(fc.nat(9_999_999), (milli) => {
        expect(cpuMilli(formatCpu(milli))).toBe(milli);
      }),
    );
  });

  test('a fraction written out is that many millicores, without error of floating point', () => {
    for (let milli = 0; milli <= 5000; milli++) {
      expect(cpuMilli((milli / 1000).toFixed(3))).toBe(milli);
    }
  });
});

describe('bytes', () => {
  test.each([
    ['0', 0],
    ['900', 900],
    ['1k', 1000],
    ['1K', 1000],
    ['1Ki', 1024],
    ['64Mi', 64 * 2 ** 20],
    ['1.5Gi', 1.5 * 2 ** 30],
    ['2Ti', 2 ** 41],
    ['1M', 1e6],
    ['3G', 3e9],
    ['1T', 1e12],
    ['0.001Ki', 2],
    ['2.007k', 2007],
    [1234, 1234],
  ])('%s is %d', (quantity, expected) => {
    expect(bytesQuantity.safeParse(quantity).success).toBe(true);
    expect(bytes(quantity)).toBe(expected);
  });

  test.each([
    '',
    'Mi',
    '64 Mi',
    '64mi',
    '64MB',
    '-1',
    '1e3',
    '1.2345Gi',
    '8192Ti',
    '999999999999999Ti',
    1.5,
    -1,
    2 ** 53,
  ])('%s is no amount', (quantity) => {
    expect(bytesQuantity.safeParse(quantity).success).toBe(false);
  });

  test('an accepted amount is a whole number of bytes that is counted exactly', () => {
    const amounts = fc
      .tuple(fc.nat(), fc.constantFrom('', 'Ki', 'Mi', 'Gi', 'k', 'M', 'G'))
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(amounts, (quantity) => {
        if (bytesQuantity.safeParse(quantity).success) {
          expect(Number.isSafeInteger(bytes(quantity))).toBe(true);
        }
      }),
    );
  });

  test.each([
    [0, '0'],
    [900, '900'],
    [1024, '1Ki'],
    [1536, '1.5Ki'],
    [64 * 2 ** 20, '64Mi'],
    [2 ** 30 - 1, '1.0Gi'],
    [1023.9 * 2 ** 20, '1023.9Mi'],
    [1023, '1023'],
    [2 ** 40, '1Ti'],
  ])('%d is shown as %s', (amount, expected) => {
    expect(formatBytes(amount)).toBe(expected);
  });

  test('what is shown for whole units is read back the same', () => {
    const whole = fc.tuple(fc.nat(1023), fc.nat(4)).map(([n, power]) => n * 1024 ** power);
    fc.assert(
      fc.property(whole, (amount) => {
        expect(bytes(formatBytes(amount))).toBe(amount);
      }),
    );
  });
});

describe('lengths of time', () => {
  test.each([
    ['0s', 0],
    ['500ms', 500],
    ['10s', 10_000],
    ['1.5s', 1500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
    ['0.5ms', 1],
  ])('%s is %d ms', (quantity, expected) => {
    expect(spanQuantity.safeParse(quantity).success).toBe(true);
    expect(spanMs(quantity)).toBe(expected);
  });

  test.each(['', '10', 's', '-1s', '1w', '10 s', '1m30s', '1e3s', '366d', '999999999d'])(
    '%s is none',
    (quantity) => {
      expect(spanQuantity.safeParse(quantity).success).toBe(false);
    },
  );

  test.each([
    [0, '0ms'],
    [450, '450ms'],
    [999.4, '999ms'],
    [999.6, '1.0s'],
    [2_000, '2s'],
    [4_200, '4.2s'],
    [9_949, '9.9s'],
    [9_999, '10s'],
    [9_960, '10s'],
    [59_999, '59s'],
    [60_000, '1m'],
    [190_000, '3m10s'],
    [7_500_000, '2h5m'],
    [47 * 3_600_000, '47h'],
    [48 * 3_600_000, '2d'],
    [51 * 3_600_000, '2d3h'],
  ])('%d ms are shown as %s', (ms, expected) => {
    expect(formatSpan(ms)).toBe(expected);
  });
});
