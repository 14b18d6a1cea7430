/** `make engines`: fetches what the tests need beside Node, and says what there is. */
import { obtainServer } from '../nats/obtain.ts';
import { runOnce } from './once.ts';

await runOnce(async () => {
  const server = await obtainServer(process.env, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write(`nats-server ${server.version} (${server.source}) ${server.path}\n`);
});
