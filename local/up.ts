/**
 * `make up`: a fabric in the background, unless one is there already.
 *
 * Exit codes: 0 it runs, 78 it cannot start (one sentence says why), 130 and 143 stopped by SIGINT
 * and SIGTERM while it started; then nothing is left running.
 */
import { join } from 'node:path';
import { StartError } from '../actors/runtime/start-error.ts';
import { obtainServer } from '../nats/obtain.ts';
import { Child } from './child.ts';
import { prepareFolder } from './folder.ts';
import { Layout, root } from './layout.ts';
import { exitCodeOf, runOnce } from './once.ts';
import { type FabricRecord, runningFabric } from './record.ts';
import { upSettings } from './settings.ts';

const READY_MS = 120_000;
/** The keeper stops what it started within thirty seconds. */
const STOP_MS = 45_000;
/** How long the gateway may take to say how it is. */
const HEALTH_MS = 2_000;

interface Health {
  readonly durability?: { readonly level: string; readonly survives: string };
}

const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function up(): Promise<void> {
  const layout = new Layout(upSettings(process.env, '').folder);
  if (await tellRunning(layout)) return;
  const server = await obtainServer(process.env, say);
  await prepareFolder(layout.folder);
  const child = new Child({
    name: 'fabric',
    command: process.execPath,
    args: [join(root, 'dist/local/supervise.js')],
    environment: {},
    cwd: root,
    log: layout.log('fabric'),
    isKept: false,
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => void abandon(child, signal));
  }
  child.start();
  try {
    await child.ready(/fabric ready/, READY_MS);
  } catch (error) {
    await child.stop('SIGTERM', STOP_MS);
    // Somebody else was faster: that is what was asked for.
    if (await tellRunning(layout)) return;
    throw error;
  }
  const record = await runningFabric(layout.record);
  if (!record) throw new StartError(`the fabric ended at once; read its logs in ${layout.logs}`);
  const count = record.natsUrl.split(',').length;
  const servers = count === 1 ? '' : `${count} servers of `;
  say(`fabric ready: ${servers}nats-server ${server.version}, ${record.nodes.length} nodes`);
  await tell(record, layout);
}

/** Tells of a fabric that runs, when it is ready; false: there is none. */
async function tellRunning(layout: Layout): Promise<boolean> {
  const deadline = Date.now() + READY_MS;
  let record = await runningFabric(layout.record);
  while (record && !record.isReady) {
    if (Date.now() > deadline) {
      throw new StartError(
        `a fabric (pid ${record.pid}) has been starting for long; stop it with \`make down\`, its logs are in ${layout.logs}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    record = await runningFabric(layout.record);
  }
  if (!record) return false;
  say('a fabric is running already');
  await tell(record, layout);
  return true;
}

async function abandon(child: Child, signal: NodeJS.Signals): Promise<void> {
  await child.stop('SIGTERM', STOP_MS);
  process.stderr.write(`shoal: stopped by ${signal}; nothing is left running\n`);
  process.exit(exitCodeOf(signal));
}

async function tell(record: FabricRecord, layout: Layout): Promise<void> {
  say(`  API      ${record.gatewayUrl}`);
  say(`  ingress  ${record.ingressUrl}`);
  if (record.grpcAddress !== undefined) say(`  gRPC     ${record.grpcAddress}`);
  if (record.tryItNowUrl !== undefined) {
    say(`  demos    ${record.tryItNowUrl}   (Try It Now's API)`);
  }
  say(`  bus      ${record.natsUrl}   (nkey: ${join(layout.keys, 'operator-operator.nk')})`);
  say(`  logs     ${layout.logs}`);
  say(`  writes   ${await durabilityOf(record)}`);
  say('try  ./shoal apply -f examples/hello.yaml   and   ./shoal get instances');
}

/** What is in force, as the fabric itself says. */
async function durabilityOf({ gatewayUrl }: FabricRecord): Promise<string> {
  const signal = AbortSignal.timeout(HEALTH_MS);
  const health = await fetch(`${gatewayUrl}/health`, { signal })
    .then((response) => response.json() as Promise<Health>)
    .catch(() => undefined);
  const { level, survives } = health?.durability ?? {};
  return level === undefined
    ? 'nothing says what they survive'
    : `durability ${level}: what is acknowledged ${survives}`;
}

await runOnce(up);
