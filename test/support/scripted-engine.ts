/** An engine on a socket that answers what a test says: answers that a real one gives when it dies. */
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine } from '../../edge-agent/drivers/docker/engine.ts';

export interface ScriptedEngine extends AsyncDisposable {
  readonly engine: Engine;
  /** What was asked, as `DELETE /containers/web-1`. */
  readonly asked: readonly string[];
}

/** `answer` is called with each thing that is asked, and how. */
export async function scriptedEngine(
  answer: (asked: string, response: ServerResponse, how: URLSearchParams) => void,
): Promise<ScriptedEngine> {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-scripted-'));
  const socket = join(folder, 'engine.sock');
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const [path = '', how] = (request.url ?? '').split('?');
    asked.push(`${request.method} ${path}`);
    request.resume();
    request.on('end', () =>
      answer(`${request.method} ${path}`, response, new URLSearchParams(how)),
    );
  });
  await new Promise<void>((resolve) => void server.listen(socket, resolve));
  return {
    engine: await Engine.open(socket),
    asked,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Answers with a status and an object. */
export function say(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}
