/** `make up`: a fabric in the background, unless one is there already. */
import { join } from 'node:path';
import { START_ERROR_EXIT, StartError } from '../actors/runtime/start-error.ts';
import { obtainServer } from '../nats/obtain.ts';
import { Child } from './child.ts';
import { Layout, root } from './layout.ts';
import { type FabricRecord, runningFabric } from './record.ts';
import { upSettings } from './settings.ts';

const READY_MS = 90_000;

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function up(): Promise<void> {
  const server = await obtainServer(process.env, say);
  const settings = upSettings(process.env, server.path);
  const layout = new Layout(settings.folder);
  const before = await runningFabric(layout.record);
  if (before) {
    say('a fabric is running already');
    tell(before, layout);
    return;
  }
  const child = new Child({
    name: 'fabric',
    command: process.execPath,
    args: [join(root, 'dist/local/supervise.js')],
    environment: {},
    cwd: root,
    log: layout.log('fabric'),
    isKept: false,
  });
  child.start();
  await child.ready(/fabric ready/, READY_MS);
  const record = await runningFabric(layout.record);
  if (!record)
    throw new StartError(`the fabric ended at once; its logs are in ${layout.folder}/logs`);
  say(`fabric ready: nats-server ${server.version}, ${record.nodes.length} nodes`);
  tell(record, layout);
  // It goes on without this process.
  process.exit(0);
}

function tell(record: FabricRecord, layout: Layout): void {
  say(`  API      ${record.gatewayUrl}`);
  say(`  ingress  ${record.ingressUrl}`);
  say(`  bus      ${record.natsUrl}   (nkey: ${join(layout.keys, 'operator-operator.nk')})`);
  say(`  logs     ${join(layout.folder, 'logs')}`);
  say('try  ./shoal apply -f examples/hello.yaml   and   ./shoal get instances');
}

try {
  await up();
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`shoal: ${error.message}\n`);
  process.exit(START_ERROR_EXIT);
}
