/**
 * `make engines`: fetches what the tests need beside Node, and says what there is. Without a
 * nats-server nothing runs, so that is an error; without another engine its tests are left out.
 */
import { StartError } from '../actors/runtime/start-error.ts';
import { obtainServer } from '../nats/obtain.ts';
import { obtainDocker } from './docker.ts';
import { obtainGrpcurl } from './grpcurl.ts';
import { runOnce } from './once.ts';
import { obtainPodman } from './podman.ts';
import { obtainProgram } from './program.ts';
import { caddy, chromium, fish, mariadb, prometheus, tmux, zsh } from './programs.ts';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

await runOnce(async () => {
  const server = await obtainServer(process.env, say);
  say(`nats-server ${server.version} (${server.source}) ${server.path}`);
  await perhaps(async () => {
    const docker = await obtainDocker(process.env, say);
    say(`docker (${docker.source}) ${docker.dockerd}`);
  });
  await perhaps(async () => {
    const { podman } = await obtainPodman(process.env, say);
    say(`podman (cache) ${podman}`);
  });
  for (const wanted of [caddy, prometheus, mariadb, tmux, zsh, fish, chromium]) {
    await perhaps(async () => {
      const { source, path } = await obtainProgram(wanted, process.env, say);
      say(`${wanted.name} (${source}) ${path}`);
    });
  }
  await perhaps(async () => {
    const grpcurl = await obtainGrpcurl(process.env, say);
    say(`grpcurl (${grpcurl.source}) ${grpcurl.path}`);
  });
});

/** What can be done without. */
async function perhaps(obtain: () => Promise<void>): Promise<void> {
  try {
    await obtain();
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    say(`${error.message}; its tests are left out`);
  }
}
