import { describe, expect, test } from 'vitest';
import { registryOf } from '../../../../edge-agent/drivers/docker/credentials.ts';
import { PullProgress } from '../../../../edge-agent/drivers/docker/pull-progress.ts';

const MIB = 2 ** 20;

/** What is shown after some lines of an engine. */
function shown(...lines: readonly object[]): string {
  const progress = new PullProgress();
  for (const line of lines) progress.take(JSON.stringify(line));
  return progress.text;
}

const fetching = (id: string, current: number, total: number): object => ({
  ...{ status: 'Downloading', id, progressDetail: { current: current * MIB, total: total * MIB } },
});

describe('how far a pull is', () => {
  test('is not known before the first layer', () => {
    expect(shown({ status: 'Pulling from team/app', id: '1' })).toBe('');
  });

  test('is told in layers, and in bytes of those whose size is known', () => {
    const begun = [
      { status: 'Pulling fs layer', id: 'a' },
      { status: 'Waiting', id: 'b' },
    ];
    expect(shown(...begun)).toBe('0 of 2 layers');
    expect(shown(...begun, fetching('a', 3, 12))).toBe('0 of 2 layers, 3Mi of 12Mi');
    expect(shown(...begun, fetching('a', 3, 12), { status: 'Already exists', id: 'b' })).toBe(
      '1 of 2 layers, 3Mi of 12Mi',
    );
  });

  test('never goes back: what is unpacked was fetched', () => {
    const unpacking = { status: 'Extracting', id: 'a', progressDetail: { current: 1, total: 9 } };
    expect(shown(fetching('a', 3, 12), unpacking)).toBe('0 of 1 layers, 12Mi of 12Mi');
    expect(shown(fetching('a', 5, 12), fetching('a', 2, 12))).toBe('0 of 1 layers, 5Mi of 12Mi');
    expect(shown(fetching('a', 3, 12), { status: 'Pull complete', id: 'a' })).toBe(
      '1 of 1 layers, 12Mi of 12Mi',
    );
  });

  test('what goes wrong in the middle is thrown', () => {
    expect(() => shown({ error: 'no space left on device' })).toThrow('no space left on device');
  });

  test('an image of more layers than any has is still one line', () => {
    const many = Array.from({ length: 1_000 }, (_, index) => ({
      status: 'Waiting',
      id: `${index}`,
    }));
    expect(shown(...many)).toBe('0 of 256 layers');
  });
});

test.each([
  ['busybox', 'https://index.docker.io/v1/'],
  ['library/busybox:1.36', 'https://index.docker.io/v1/'],
  ['docker.io/library/busybox', 'https://index.docker.io/v1/'],
  ['localhost/app', 'localhost'],
  ['registry.example.com/team/app:1', 'registry.example.com'],
  ['127.0.0.1:5000/app', '127.0.0.1:5000'],
])('the registry of %s is %s', (image, registry) => {
  expect(registryOf(image)).toBe(registry);
});
