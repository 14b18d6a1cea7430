/** Reaching into a container of an engine of some make, through a whole fabric: by command, terminal, port and attachment. */
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../../../local/layout.ts';
import { obtainProgram } from '../../../local/program.ts';
import { tmux as wanted } from '../../../local/programs.ts';
import type { ContainerEngine } from '../../support/container-engine.ts';
import type { FabricUnderTest } from '../../support/fabric.ts';
import { eventually } from '../../support/ports.ts';
import { Running } from '../../support/running.ts';
import { TerminalUnderTest } from '../../support/terminal.ts';

/** Says what it hears on its port; prints on both outputs, tells of USR1, and exits with 7 at INT. */
const TALKER = [
  'busybox nc -ll -p 8080 -e cat &',
  'trap "echo usr" USR1; trap "echo bye; exit 7" INT; echo start',
  'while :; do echo tick; echo tock >&2; sleep 0.1; done',
].join('\n');

/** A fabric whose node n1 has an engine. */
export interface OnFabric {
  engine(): ContainerEngine;
  under(): FabricUnderTest;
  image(): string;
}

/** Tests in the present suite. They leave nothing in the engine. */
export function reachesContainers(of: OnFabric): void {
  let id: string;
  const environment = () => ({ SHOAL_GATEWAY: of.under().fabric.gatewayUrl });
  const begin = (...words: string[]) => new Running(words, environment());
  const isReady = () => of.under().ready('talker').length === 1;
  const again = () => eventually(isReady, 30_000, 'an instance');

  beforeAll(async () => {
    const under = of.under();
    const offers = () => under.nodes.get({ node: 'n1' })?.drivers['docker'];
    await eventually(() => offers() !== undefined, 20_000, 'the engine on n1');
    const answer = await under.apply('talker', {
      ...{ driver: 'docker', image: of.image(), command: ['sh', '-c', TALKER], grace: '200ms' },
      ...{ environment: { GREETING: 'hello' }, resources: { cpu: '100m', memory: '64Mi' } },
      ports: [{ name: 'echo', container: 8080 }],
    });
    expect(answer).toMatchObject({ ok: true });
    await again();
    id = under.ready('talker')[0]?.instance ?? '';
  });
  afterAll(async () => {
    await of.under()?.shoal(['delete', 'workload', 'talker', '--wait']);
    const isEmpty = async () => (await of.engine().remains()).length === 0;
    await eventually(isEmpty, 30_000, 'nothing left');
  });

  test('a command hears what it is told, says what it says on both outputs, and ends with its code', async () => {
    const script = 'echo "$GREETING $SHOAL_INSTANCE $0"; cat; echo no >&2; exit 7';
    const ran = begin('exec', '-i', id, '--', 'sh', '-c', script, 'a b');
    const much = Buffer.alloc(2_000_000, 'abcdefg');
    ran.child.stdin?.end(much);
    const { code, out, err } = await ran.end();
    expect([code, err]).toEqual([7, 'no\n']);
    expect(out === `hello ${id} a b\n${much}`).toBe(true);
    const none = await of.under().shoal(['exec', id, '--', 'no-such-program']);
    expect([none.code, none.err]).toEqual([1, expect.stringContaining('no-such-program')]);
  });

  describe('a terminal', async () => {
    const tmux = await obtainProgram(wanted);
    test.skipIf(!tmux)(
      'has the size of the caller’s, also when that changes, and Ctrl-C',
      async () => {
        await using terminal = await TerminalUnderTest.open({
          ...{ columns: 91, rows: 31, folder: root },
          environment: { ...environment(), PATH: process.env['PATH'] ?? '' },
        });
        await terminal.begin(`node dist/cli/main.js exec -it ${id} -- sh; echo "code $?"`);
        const says = async (command: string, expected: string): Promise<void> => {
          await terminal.type(`${command}\n`);
          await terminal.until((screen) => screen.includes(expected), expected);
        };
        await says('busybox stty size; echo "in $SHOAL_INSTANCE"', `31 91\nin ${id}`);
        await terminal.resize(72, 20);
        // It is told while the command begins: what is typed at once may be first.
        const resized = 'until busybox stty size | grep "^20 72$"; do sleep 0.1; done';
        await says(resized, '\n20 72\n');
        await says('echo "before $((20 + 2))"; sleep 300', 'before 22');
        await terminal.press('C-c');
        await says('echo "after $((40 + 2))"; exit 4', 'after 42');
        await terminal.until((screen) => screen.includes('code 4'), 'its code');
      },
    );
  });

  test('a port is reached as if it were here, many times at once, to the last byte', async () => {
    const forward = begin('port-forward', id, '0:echo', '-o', 'json');
    await eventually(() => forward.out.includes('\n'), 30_000, 'it to listen');
    const { local } = JSON.parse(forward.out) as { readonly local: number };
    const said = async (bytes: Uint8Array): Promise<Buffer> => {
      const socket = connect({ port: local, host: '127.0.0.1', allowHalfOpen: true });
      socket.end(bytes);
      const pieces: Buffer[] = [];
      for await (const piece of socket) pieces.push(piece);
      return Buffer.concat(pieces);
    };
    const much = Buffer.alloc(1_000_000, '0123456789');
    const all = await Promise.all([
      said(much),
      ...Array.from({ length: 5 }, (_, each) => said(Buffer.from(`n${each}`))),
    ]);
    expect(all[0]?.equals(much)).toBe(true);
    expect(all.slice(1).map(String)).toEqual(['n0', 'n1', 'n2', 'n3', 'n4']);
    forward.child.kill('SIGINT');
    expect((await forward.end()).code).toBe(130);
  });

  test('who is attached gets what its run prints, passes signals on, and ends with its code', async () => {
    const attached = begin('attach', id, '--sig-proxy');
    const talks = () => attached.out.includes('tick\n') && attached.err.includes('tock\n');
    await eventually(talks, 60_000, 'it to be attached');
    attached.child.kill('SIGUSR1');
    await eventually(() => attached.out.includes('usr\n'), 30_000, 'the signal to arrive');
    attached.child.kill('SIGINT');
    const { code, out, err } = await attached.end();
    expect(code).toBe(7);
    // Nothing of before, and nothing of the run that follows.
    expect(out).toMatch(/^(tick\n)+usr\n(tick\n)*bye\n$/);
    expect(err).toContain(`${id} exited with 7`);
    await again();
  });
}
