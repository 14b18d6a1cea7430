/**
 * Makes sure that there is a grpcurl for tests, a caller of gRPC that is not our own: the one on
 * PATH, else the one in the cache, else built into the cache by Go from its module, which Go
 * holds to the checksum database. Nothing outside the cache is changed but Go's own caches.
 */
import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdir, rename, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { reasonOf } from '../actors/runtime/reason.ts';
import { StartError } from '../actors/runtime/start-error.ts';
import { cacheFolder, type Environment } from './debian.ts';

const call = promisify(execFile);

/** Version that is built. */
const VERSION = 'v1.9.3';
const MODULE = `github.com/fullstorydev/grpcurl/cmd/grpcurl@${VERSION}`;
/** Compiling takes a minute on two cores. */
const BUILD_TIMEOUT_MS = 600_000;
const ASK_TIMEOUT_MS = 10_000;

export interface Grpcurl {
  readonly path: string;
  readonly source: 'PATH' | 'cache' | 'module';
}

/** The grpcurl that is here already; undefined: `make engines` may build one. */
export async function findGrpcurl(
  environment: Environment = process.env,
): Promise<Grpcurl | undefined> {
  const folders = (environment['PATH'] ?? '').split(delimiter).filter(Boolean);
  for (const folder of folders) {
    const path = join(folder, 'grpcurl');
    if (await runs(path)) return { path, source: 'PATH' };
  }
  const path = join(folderOf(environment), 'grpcurl');
  return (await runs(path)) ? { path, source: 'cache' } : undefined;
}

/** Whether there is a Go that could build one; whether its module can be had nobody knows before. */
export function canBuildGrpcurl(environment: Environment = process.env): Promise<boolean> {
  const asked = call('go', ['version'], { env: environment, timeout: ASK_TIMEOUT_MS });
  return asked.then(
    () => true,
    () => false,
  );
}

/** Finds or builds a grpcurl. Throws StartError with what to do. */
export async function obtainGrpcurl(
  environment: Environment = process.env,
  tell: (line: string) => void = () => undefined,
): Promise<Grpcurl> {
  const found = await findGrpcurl(environment);
  if (found) return found;
  const folder = folderOf(environment);
  const fresh = `${folder}-new-${randomUUID()}`;
  tell(`building grpcurl ${VERSION} with Go`);
  try {
    await mkdir(fresh, { recursive: true });
    await call('go', ['install', MODULE], {
      env: { ...environment, GOBIN: fresh },
      timeout: BUILD_TIMEOUT_MS,
    });
    // Whole or not at all; who was faster built the same.
    await rename(fresh, folder).catch(() => undefined);
  } catch (error) {
    throw new StartError(`no grpcurl could be obtained (${whyNot(error)})`);
  } finally {
    await rm(fresh, { recursive: true, force: true });
  }
  const built = await findGrpcurl(environment);
  if (!built) throw new StartError(`the grpcurl that was built in ${folder} does not run`);
  return { ...built, source: 'module' };
}

function whyNot(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT') return 'there is no Go; install Go 1.23 or newer, or put grpcurl on PATH';
  return reasonOf(error).trim().split('\n').at(-1)?.slice(0, 300) ?? 'go install failed';
}

function folderOf(environment: Environment): string {
  return join(cacheFolder(environment, 'grpcurl'), VERSION);
}

async function runs(path: string): Promise<boolean> {
  return call(path, ['-version'], { timeout: ASK_TIMEOUT_MS }).then(
    () => true,
    () => false,
  );
}
