/** `make engines`: fetches what the tests need beside Node, and says what there is. */
import { START_ERROR_EXIT, StartError } from '../actors/runtime/start-error.ts';
import { obtainServer } from '../nats/obtain.ts';

try {
  const server = await obtainServer(process.env, (line) => process.stdout.write(`${line}\n`));
  process.stdout.write(`nats-server ${server.version} (${server.source}) ${server.path}\n`);
} catch (error) {
  if (!(error instanceof StartError)) throw error;
  process.stderr.write(`shoal: ${error.message}\n`);
  process.exit(START_ERROR_EXIT);
}
