#!/usr/bin/env node
/** `shoal`, the operator's command line. Settings: SHOAL_GATEWAY, SHOAL_TENANT; of `micro` SHOAL_NATS, SHOAL_SEED. */
import { setTimeout as setTimer } from 'node:timers/promises';
import { editorOf } from './editor.ts';
import { exitCodes } from './exit-codes.ts';
import { runCommandLine } from './program.ts';
import type { Shell } from './shell.ts';
import { Signals } from './signals.ts';
import { ownTerminal } from './terminal.ts';

/** A reader that went away, as `| head` does, has all it wanted. */
function onPipeClosed(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE') throw error;
  process.exit(exitCodes.ok);
}

const interrupted = new AbortController();
process.stdout.on('error', onPipeClosed);
process.stderr.on('error', onPipeClosed);
const signals = new Signals(process, () => {
  // What does not end by itself (stdin, the bus) ends with the process.
  setTimeout(() => process.exit(exitCodes.interrupted), 200).unref();
  interrupted.abort();
});

const shell: Shell = {
  out: (text) => void process.stdout.write(`${text}\n`),
  err: (text) => void process.stderr.write(`${text}\n`),
  now: Date.now,
  pause: (ms) => setTimer(ms, undefined, { signal: interrupted.signal }).catch(() => undefined),
  stdin: async () => {
    const pieces: Buffer[] = [];
    for await (const piece of process.stdin) pieces.push(piece as Buffer);
    return Buffer.concat(pieces);
  },
  edit: editorOf(process.env),
  terminal: ownTerminal(),
  environment: process.env,
  signal: interrupted.signal,
  signals,
};

process.exitCode = await runCommandLine(process.argv.slice(2), shell);
