import { describe, expect, test } from 'vitest';
import { refused, StubGateway, shoal } from './stub-gateway.ts';

const letter = {
  ...{ actor: 'scheduler', letter: '1x2y3z', at: new Date(0).toISOString(), deliveries: 5 },
  ...{ contract: 'work.place', about: 'shoal.work.place.normal.default.hello' },
  reason: { code: 'actor-fault', detail: 'Error: a step threw' },
  payload: { reason: 'instances want a node' },
};
const path = '/api/v1/dead/scheduler/1x2y3z';

describe('dead', () => {
  test('ls, for people and for programs', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/dead': { body: { items: [letter], revision: 4 } },
    });
    const { out } = await shoal(stub, 'dead ls');
    expect(out).toMatch(/^LETTER +CONTRACT +TRIES +AGE +REASON\n/);
    expect(out).toMatch(/scheduler\/1x2y3z +work\.place +5 .+ actor-fault: Error: a step threw\n/);
    const { out: json } = await shoal(stub, 'dead ls -o json');
    expect(JSON.parse(json).items).toEqual([letter]);
  });

  test('ls of none says so', async () => {
    await using stub = await StubGateway.start({
      'GET /api/v1/dead': { body: { items: [], revision: 4 } },
    });
    expect(await shoal(stub, 'dead ls')).toMatchObject({ code: 0, out: 'no dead letters\n' });
  });

  test('show, replay and drop', async () => {
    await using stub = await StubGateway.start({
      [`GET ${path}`]: { body: letter },
      [`POST ${path}/replay`]: { body: { letter: '1x2y3z' } },
      [`DELETE ${path}`]: { body: { letter: '1x2y3z' } },
    });
    const { out } = await shoal(stub, 'dead show scheduler/1x2y3z');
    expect(out).toContain('About     shoal.work.place.normal.default.hello\n');
    expect(out).toContain('tried 5 times');
    expect(out).toMatch(/Message\n {2}reason: instances want a node\n$/);
    const replayed = await shoal(stub, 'dead replay scheduler/1x2y3z');
    expect(replayed.out).toBe('letter scheduler/1x2y3z is put back\n');
    const dropped = await shoal(stub, 'dead drop scheduler/1x2y3z');
    expect(dropped.out).toBe('letter scheduler/1x2y3z is dropped\n');
    expect(stub.lines).toEqual([`GET ${path}`, `POST ${path}/replay`, `DELETE ${path}`]);
  });

  test('what the gateway refuses is exit 1, what is no letter exit 2', async () => {
    await using stub = await StubGateway.start({
      [`GET ${path}`]: refused('letter-not-found', 'there is no letter scheduler/1x2y3z'),
    });
    expect((await shoal(stub, 'dead show scheduler/1x2y3z')).code).toBe(1);
    for (const words of ['dead show', 'dead show 1x2y3z', 'dead drop ../nodes/n1']) {
      expect((await shoal(stub, words)).code, words).toBe(2);
    }
    expect(stub.asked).toHaveLength(1);
  });
});
