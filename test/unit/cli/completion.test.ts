import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { claim, hello, instances, job, node, pool } from './fabric.ts';
import { StubGateway, shoal } from './stub-gateway.ts';

const run = promisify(execFile);

const fabric = {
  'GET /api/v1/workloads': { body: { items: [hello, job], revision: 1 } },
  'GET /api/v1/instances': { body: { items: instances, revision: 1 } },
  'GET /api/v1/nodes': { body: { items: [node], revision: 1 } },
  'GET /api/v1/pools': { body: { items: [pool], revision: 1 } },
  'GET /api/v1/claims': { body: { items: [claim], revision: 1 } },
};

/** The candidates without what they are. A word that is begun anew is written `_`. */
async function candidates(line: string): Promise<readonly string[]> {
  await using stub = await StubGateway.start(fabric);
  const words = line.replaceAll('_', ' ');
  const last = line.endsWith('_') ? [''] : [];
  const ran = await shoal(stub, ['complete', '--', ...words.split(' ').filter(Boolean), ...last]);
  expect(ran).toMatchObject({ code: 0, err: '' });
  return ran.out.split('\n').flatMap((each) => each.split('\t')[0] || []);
}

describe('what may come next', () => {
  test.each([
    [
      'every command that is not hidden',
      'd',
      ['diff', 'describe', 'delete', 'dead', 'debug', 'decode'],
    ],
    ['the commands of a command', 'schedule _', ['pause', 'resume', 'trigger', 'help']],
    ['what a command is about', 'describe _', ['workload', 'instance', 'node', 'schedule', 'pool']],
    ['names of what was said', 'get workloads _', ['hello', 'count-to-three']],
    ['names by another word for it', 'get wl he', ['hello']],
    ['names after an option with its value', 'get --phase ready wl c', ['count-to-three']],
    ['names of nodes', 'node cordon _', ['n1']],
    ['names of pools', 'pool purge _', ['demo']],
    ['pools to claim of', 'claim d', ['demo']],
    ['claims to give back', 'release _', ['demo-4f2abk9x0w']],
    [
      'workloads and instances where either can be',
      'logs hello',
      ['hello', 'hello-a1b2c', 'hello-d3e4f', 'hello-g5h6i'],
    ],
    ['choices of an option', 'get instances --phase st', ['starting', 'stopping', 'stopped']],
    ['names after an option that is about one', 'events --node _', ['n1']],
    ['options, also those before every command', '--t', ['--tenant']],
    ['files', 'apply -f _', [':file']],
    ['the choices of an argument', 'completion _', ['bash', 'zsh', 'fish']],
    ['nothing where anything can be', 'retention set _', []],
  ])('%s', async (_what, line, expected) => {
    expect(await candidates(line)).toEqual(expected);
  });

  test('a gateway that is away has no names, and no words for it', async () => {
    const ran = await shoal(undefined, 'complete -- get wl', {
      environment: { SHOAL_GATEWAY: 'http://127.0.0.1:1' },
    });
    expect(ran).toEqual({ code: 0, out: '', err: '' });
  });
});

describe('the script for bash', () => {
  /** COMPREPLY for a command line, where `shoal` answers with a text. */
  async function completed(words: readonly string[], answer: string): Promise<string> {
    const { out } = await shoal(undefined, 'completion bash');
    const script = `${out}
shoal() { printf '%s\\n' "$*" >&2; printf '%s\\n' "$ANSWER"; }
COMP_WORDS=(shoal "$@"); COMP_CWORD=$#; _shoal
printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout } = await run('bash', ['-c', script, 'bash', ...words], {
      env: { ...process.env, ANSWER: answer },
    });
    return stdout;
  }

  test('offers the candidates that go on with what is begun', async () => {
    const answer = 'hello\tservice, ready\nhelp\t\nother\tjob';
    expect(await completed(['get', 'wl', 'he'], answer)).toBe('hello\nhelp\n');
  });

  test('leaves files to the shell', async () => {
    expect(await completed(['apply', '-f', ''], ':file')).toBe('\n');
  });
});
