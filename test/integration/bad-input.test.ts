/**
 * Everything wrong that can be sent to a fabric that runs, by the doors people and programs use:
 * each is refused with its code, no program falls, and what runs goes on untouched.
 */
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { headers as natsHeaders } from 'nats';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { connectBus } from '../../actors/runtime/nats/connection.ts';
import { ID_HEADER, TYPE_HEADER } from '../../actors/runtime/ports.ts';
import {
  address,
  type Contract,
  contentType,
  debugSwitch,
  decode,
  encode,
  leaseProbe,
  type MessageContract,
  type RecordContract,
  storeSubject,
} from '../../subjects/index.ts';
import { permissionsOf } from '../../subjects/permissions.ts';
import { covers } from '../../subjects/template.ts';
import { Place } from '../support/fabric-folder.ts';
import { eventually } from '../support/ports.ts';
import { samples } from '../support/samples.ts';
import { type EndedHere, shoalHere } from '../support/shoal-here.ts';

const OWN = 'default';
const manifest = (name: string, spec = 'count: 1'): string =>
  `apiVersion: shoal/v1\nkind: service\nmetadata: {name: ${name}}\nspec:\n  command: [sleep, "600"]\n  ${spec}\n`;

describe('a fabric that runs', () => {
  let place: Place;
  let programs: readonly number[];

  const shoal = (words: string, stdin = ''): Promise<EndedHere> => {
    const environment = { ...place.environment, SHOAL_GATEWAY: place.gatewayUrl };
    return shoalHere(words.split(' '), environment, stdin);
  };
  const instances = async (): Promise<readonly { workload: string; phase: string }[]> =>
    JSON.parse((await shoal('get instances -o json')).out).items;
  const ready = (name: string) =>
    eventually(
      async () => (await instances()).some((e) => e.workload === name && e.phase === 'ready'),
      20_000,
      `${name} to be ready`,
    );
  const call = async (method: string, path: string, body?: string, more = {}) => {
    const headers = { 'content-type': 'application/yaml', ...more };
    const url = `${place.gatewayUrl}/api/v1/${path}`;
    const response = await fetch(url, { method, headers, ...(body === undefined ? {} : { body }) });
    return { status: response.status, body: (await response.json()) as { readonly code: string } };
  };

  beforeAll(async () => {
    place = await Place.make();
    expect(await place.run('up')).toMatchObject({ code: 0, err: '' });
    expect(await shoal('apply -f -', manifest('calm'))).toMatchObject({ code: 0 });
    await ready('calm');
    programs = await place.processes();
    expect(programs.length).toBeGreaterThanOrEqual(8);
  });
  afterEach(async () => {
    // The same processes: none fell, none was started again.
    await eventually(
      async () => JSON.stringify(await place.processes()) === JSON.stringify(programs),
      10_000,
      `the processes from before`,
    );
    expect((await instances()).map((each) => each.workload)).toEqual(['calm']);
  });
  afterAll(async () => {
    await using _removed = place;
    for (const name of ['control', 'gateway', 'agent-n1', 'agent-n2', 'fabric']) {
      const log = await readFile(join(place.folder, 'state/logs', `${name}.log`), 'utf8');
      const errors = log.split('\n').filter((line) => /"level":[56]0/.test(line));
      // Rubbish on a queue that somebody works on is one for a person: that is an error by itself.
      expect(errors.filter((line) => !/a work item is a dead letter now/.test(line))).toEqual([]);
    }
  });

  test('a manifest that is malformed: exit 2 with line and key, and nothing is sent', async () => {
    const { code, err } = await shoal('apply -f -', manifest('bad', 'cuont: 1'));
    expect(code).toBe(2);
    expect(err).toMatch(/^stdin:6:3: spec\.cuont: unknown key, did you mean "count"\?\n/);
    for (const text of ['{', '\t', 'a: [', '\0', 'kind: *x']) {
      const broken = await shoal('apply -f -', text);
      expect([text, broken.code]).toEqual([text, 2]);
      expect(broken.err).not.toMatch(/^\s+at .*:\d+/m);
    }
    const sent = await call('PUT', 'workloads/bad', manifest('bad', 'cuont: 1'));
    expect([sent.status, sent.body.code]).toEqual([422, 'manifest-malformed']);
  });

  test.each([
    ['driver: teleport', 'driver-unknown'],
    ['resources: {memory: 900Ti}', 'spec-unplaceable'],
    ['resources: {devices: {gpu: 1}}', 'spec-unplaceable'],
    ['resources: {bandwidth: 9000G}', 'spec-unplaceable'],
    ['placement: {labels: {zone: moon}}', 'spec-unplaceable'],
    ['placement: {architecture: pdp11}', 'spec-unplaceable'],
  ])('a spec that no node could ever hold: %s', async (spec, code) => {
    const refused = await shoal('apply -f -', manifest('never', spec));
    expect(refused.code).toBe(1);
    expect(refused.err).toMatch(new RegExp(`code ${code}, id \\S+`));
    const { status, body } = await call('PUT', 'workloads/never', manifest('never', spec));
    expect([status, body.code]).toEqual([422, code]);
  });

  test('a stale generation, a name already taken, another kind', async () => {
    const stale = await call('PUT', 'workloads/calm', manifest('calm', 'count: 2'), {
      'if-match': '"99"',
    });
    expect([stale.status, stale.body.code]).toEqual([412, 'generation-stale']);
    const taken = await call('POST', 'workloads', manifest('calm', 'count: 2'));
    expect([taken.status, taken.body.code]).toEqual([409, 'workload-exists']);
    const job = manifest('calm').replace('kind: service', 'kind: job');
    expect((await shoal('apply -f -', job)).err).toContain('code workload-kind-fixed');
  });

  test('a body over the limit', async () => {
    const body = `# ${'x'.repeat(2_000_000)}\n${manifest('large')}`;
    const { status, body: problem } = await call('PUT', 'workloads/large', body);
    expect([status, problem.code]).toEqual([413, 'body-too-large']);
    const variables = Array.from({ length: 20 }, (_, at) => `V${at}: ${'x'.repeat(8_000)}`);
    const heavy = manifest('large', `environment: {${variables.join(', ')}}`);
    const typed = await shoal('apply -f -', heavy);
    expect(typed.code).toBe(2);
    expect(typed.err).toMatch(
      /^stdin:1:1: the document has \d+ bytes, at most 131072 are allowed\n/,
    );
  });

  describe('a truncated or foreign message', () => {
    const users = ['control-control', 'gateway-gateway', 'operator-operator', 'agent-n1'] as const;

    /** Bodies no schema accepts. */
    const bodies = (contract: Contract, value: unknown): readonly Uint8Array[] => {
      const whole = encode(contract, value);
      const all = [
        ...[whole.subarray(0, Math.floor(whole.length / 2)), whole.subarray(0, whole.length - 1)],
        ...[new Uint8Array(), randomBytes(64), new TextEncoder().encode('{"a": [1, {"b": null}]}')],
        ...[new TextEncoder().encode('null'), new Uint8Array(contract.bytesMax + 1).fill(0x20)],
      ];
      // Keys a schema does not know are left out: a newer sender may know more.
      return all.filter((body) => !decode(contract as MessageContract, body).ok);
    };
    /** Tokens of things nobody has, on the node whose user speaks. */
    const strange = (tokens: Readonly<Record<string, string>>): Record<string, string> => ({
      ...Object.fromEntries(Object.keys(tokens).map((name) => [name, 'stranger'])),
      ...('tenant' in tokens ? { tenant: OWN } : {}),
      ...('node' in tokens ? { node: 'n1' } : {}),
      ...('generation' in tokens ? { generation: '1' } : {}),
    });
    const subjectOf = (contract: Contract, tokens: Record<string, string>): string => {
      const own = address(contract, tokens as never);
      return contract.kind === 'record'
        ? storeSubject((contract as RecordContract).bucket, own)
        : own;
    };

    test.each(users)('from %s, on everything it may say', async (user) => {
      const [role, name] = user.split('-') as ['control', string];
      const seed = await readFile(join(place.state, 'keys', `${user}.nk`), 'utf8');
      const url = `nats://127.0.0.1:${place.environment['SHOAL_NATS_PORT']}`;
      const connection = await connectBus({ servers: [url], seed }, { role, name });
      const may = permissionsOf({ role, name }).publish;
      let sent = 0;
      try {
        for (const { contract, tokens, value } of samples) {
          // The truth about a node that lives is its own: here a stranger's.
          const isLedger = contract.name === 'ledger' || contract.name === 'node';
          // What each actor takes by itself: there is nobody to take a stranger's.
          const isEverybodys = contract.name === debugSwitch.name;
          const strangers = isEverybodys ? tokens : strange(tokens);
          const of = isLedger ? { node: 'stranger' } : strangers;
          const subject = subjectOf(contract, of);
          if (!may.some((each) => covers(each, subject))) continue;
          // Only a copy that acts hears it, and no stranger does.
          if (contract.name === leaseProbe.name) continue;
          for (const body of bodies(contract, value)) {
            const headers = natsHeaders();
            headers.set(TYPE_HEADER, contentType[contract.codec]);
            headers.set(ID_HEADER, `not an id: ${++sent}`);
            if (contract.kind !== 'request') {
              connection.publish(subject, body, { headers });
              continue;
            }
            const answer = await connection.request(subject, body, { headers, timeout: 5_000 });
            expect(answer.json()).toMatchObject({
              ok: false,
              refusal: {
                code: 'request-malformed',
                detail: expect.stringContaining(contract.name),
              },
            });
          }
        }
        await connection.flush();
      } finally {
        await connection.close();
      }
      expect(sent).toBeGreaterThan(6);
      // Everything decides as before.
      expect(await shoal('apply -f -', manifest('after'))).toMatchObject({ code: 0 });
      await ready('after');
      expect(await shoal('delete workload after --wait 20s')).toMatchObject({ code: 0 });
    });

    test('was counted, and made no step fail', async () => {
      const environment = join(place.state, 'keys/operator-operator.nk');
      place.environment['SHOAL_SEED'] = environment;
      place.environment['SHOAL_NATS'] = `nats://127.0.0.1:${place.environment['SHOAL_NATS_PORT']}`;
      const { out } = await shoal('micro -o json');
      delete place.environment['SHOAL_SEED'];
      delete place.environment['SHOAL_NATS'];
      const { items } = JSON.parse(out);
      const counts = JSON.stringify(items);
      expect(items.length).toBeGreaterThanOrEqual(3);
      expect(
        [...counts.matchAll(/"malformed":(\d+)/g)].map(([, n]) => Number(n)).some(Boolean),
      ).toBe(true);
      expect(
        [...counts.matchAll(/"faults":(\d+)/g)].map(([, n]) => Number(n)).every((n) => n === 0),
      ).toBe(true);
    });
  });
});
