/** Sessions with a machine that stands still while its connections stay: nobody there ends them. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type FabricUnderTest, fabricUnderTest } from '../support/fabric.ts';
import { eventually } from '../support/ports.ts';
import { Running } from '../support/running.ts';

const ECHO =
  'require("net").createServer((s) => s.on("error", () => {}).pipe(s)).listen(process.env.PORT)';

let under: FabricUnderTest;
beforeAll(async () => {
  under = await fabricUnderTest(['n1']);
  await under.apply('web', { count: 1, command: ['node', '-e', ECHO], ports: [{ name: 'tcp' }] });
  await eventually(() => under.ready('web').length === 1, 30_000, 'the instance');
});
afterAll(() => under?.[Symbol.asyncDispose]());

test('a command and a connection end within seconds, and it is told why', async () => {
  const environment = { SHOAL_GATEWAY: under.fabric.gatewayUrl };
  const command = ['exec', 'web', '--', 'sh', '-c', 'echo began; exec sleep 300'];
  const running = new Running(command, environment);
  const forward = new Running(['port-forward', 'web', '0:tcp', '-o', 'json'], environment);
  await eventually(() => forward.out.includes('\n'), 20_000, 'it to listen');
  await eventually(() => running.out === 'began\n', 20_000, 'the command');
  const { local } = JSON.parse(forward.out) as { readonly local: number };
  const socket = connect(local, '127.0.0.1');
  socket.on('error', () => undefined);
  const echoed = once(socket, 'data');
  socket.write('hello');
  await echoed;
  // Whether it is reset or closed: it is not left hanging.
  const closed = new Promise((resolve) => socket.once('close', resolve));
  const pid = under.fabric.child('agent-n1').pid as number;
  process.kill(pid, 'SIGSTOP');
  try {
    const { code, err } = await running.end();
    expect([code, err]).toEqual([3, expect.stringMatching(/^error: nothing was heard for \d/)]);
    await closed;
  } finally {
    process.kill(pid, 'SIGCONT');
    forward.child.kill('SIGINT');
    await forward.end();
  }
});
