/** Many nodes in one process, as far as membership can tell: joins, beats, silence. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ask } from '../../actors/runtime/ask.ts';
import { silentLog } from '../../actors/runtime/log.ts';
import { connectBus } from '../../actors/runtime/nats/connection.ts';
import { natsPorts } from '../../actors/runtime/nats/ports.ts';
import { address, encode, nodeBeat, nodeJoin, PROTOCOL } from '../../subjects/index.ts';

const [url = '', folder = '', count = '0'] = process.argv.slice(2);
const identity = { role: 'control', name: 'three' } as const;
const seed = await readFile(join(folder, 'keys', 'control-three.nk'), 'utf8');
const connection = await connectBus({ servers: [url], seed }, identity);
const ports = natsPorts(connection, identity, { log: silentLog });
const nodes = Array.from({ length: Number(count) }, (_, index) => `n${index}`);
const silent = new Set<string>();
/** How many joins are under way at a time. */
const JOINS = 64;

function beat(node: string, client: number): void {
  const body = encode(nodeBeat, {
    ...{ incarnation: 1, applied: Number.MAX_SAFE_INTEGER },
    connection: { server: 'bench', client },
  });
  ports.bus.publish({ subject: address(nodeBeat, { node }), body, headers: {} });
}

async function joinAll(): Promise<void> {
  const waiting = [...nodes];
  const lane = async (): Promise<void> => {
    for (let node = waiting.pop(); node; node = waiting.pop()) {
      await ask(ports, nodeJoin, { node }, factsOf(node));
    }
  };
  await Promise.all(Array.from({ length: JOINS }, lane));
}

function factsOf(node: string) {
  return {
    ...{ identity: '00000000-0000-0000-0000-000000000000', class: 'steady' as const, labels: {} },
    ...{ architecture: 'x64', platform: 'linux', hostname: node, address: '127.0.0.1' },
    ...{ agentVersion: '0.0.0', protocol: PROTOCOL },
    drivers: { process: { enforces: [], notEnforced: {} } },
    capacity: { cpuMilli: 1_000, memoryBytes: 2 ** 30, diskBytes: 2 ** 30 },
  };
}

/** Each node beats once a second, all of them spread over it. */
function beatForEver(): void {
  const everyMs = 10;
  const share = nodes.length / (1_000 / everyMs);
  let due = 0;
  let next = 0;
  setInterval(() => {
    for (due += share; due >= 1; due--) {
      const index = next++ % nodes.length;
      const node = nodes[index] as string;
      if (!silent.has(node)) beat(node, index);
    }
  }, everyMs);
}

async function flood(total: number): Promise<void> {
  for (let sent = 0; sent < total; ) {
    for (let batch = 0; batch < 2_000 && sent < total; batch++, sent++) {
      const index = sent % nodes.length;
      beat(nodes[index] as string, index);
    }
    await connection.flush();
  }
}

process.on('message', (message: { readonly order: string; readonly count?: number }) => {
  void (async () => {
    if (message.order === 'join') await joinAll();
    if (message.order === 'beat') beatForEver();
    if (message.order === 'flood') await flood(message.count ?? 0);
    if (message.order === 'silence') {
      for (const node of nodes.slice(0, message.count)) silent.add(node);
    }
    process.send?.('done');
  })();
});
process.send?.('ready');
