/** A terminal somebody sits at: a shell inside a real tmux, whose screen is read as text. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { obtainProgram, type Program } from '../../local/program.ts';
import { tmux as wanted } from '../../local/programs.ts';
import { eventually, PATIENCE } from './ports.ts';

const call = promisify(execFile);

/** What the shell says when it waits for a command. */
const PROMPT = '$';
/** How long a command may take on a quiet machine. */
const COMMAND_MS = 20_000;
/** Each look is a process of tmux's. */
const LOOK_MS = 80;

const SETTINGS = `set -g status off
set -g default-terminal tmux-256color
set -g escape-time 0
`;

export class TerminalUnderTest implements AsyncDisposable {
  readonly #tmux: Program;
  readonly #folder: string;

  private constructor(tmux: Program, folder: string) {
    this.#tmux = tmux;
    this.#folder = folder;
  }

  /** Opens one of so many columns and rows, with a shell, by default a bash, that reads nobody's settings. */
  static async open(of: {
    readonly columns: number;
    readonly rows: number;
    readonly folder: string;
    readonly environment: Readonly<Record<string, string>>;
    /** Its prompt must be that of PS1. */
    readonly shell?: readonly string[];
  }): Promise<TerminalUnderTest> {
    const tmux = await obtainProgram(wanted);
    const folder = await mkdtemp(join(tmpdir(), 'shoal-terminal-'));
    await writeFile(join(folder, 'tmux.conf'), SETTINGS);
    const terminal = new TerminalUnderTest(tmux, folder);
    const variables = {
      HOME: folder,
      HISTFILE: '/dev/null',
      LANG: 'C.UTF-8',
      PS1: `${PROMPT} `,
      ...of.environment,
    };
    await terminal.#ask(
      ...['-f', join(folder, 'tmux.conf'), 'new-session', '-d', '-s', 'seat'],
      ...['-x', `${of.columns}`, '-y', `${of.rows}`, '-c', of.folder],
      ...['env', '-i', ...Object.entries(variables).map((each) => each.join('='))],
      'TERM=tmux-256color',
      ...(of.shell ?? ['bash', '--norc', '--noprofile', '-i']),
    );
    await terminal.until((screen) => screen.trimEnd() === PROMPT, 'the shell');
    return terminal;
  }

  /** Types a text as it is. */
  async type(text: string): Promise<void> {
    await this.#ask('send-keys', '-t', 'seat', '-l', '--', text);
  }

  /** Presses keys by tmux's names: `Enter`, `Tab`, `C-c`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#ask('send-keys', '-t', 'seat', ...keys);
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#ask('resize-window', '-t', 'seat', '-x', `${columns}`, '-y', `${rows}`);
  }

  /** Begins a command at the top of an empty screen. */
  async begin(command: string): Promise<void> {
    await this.press('C-u', 'C-l');
    await this.until((screen) => screen.trimEnd() === PROMPT, 'an empty screen');
    await this.type(command);
    await this.press('Enter');
  }

  /** Runs a command to its end; what the screen shows then. */
  async run(command: string): Promise<string> {
    await this.begin(command);
    return this.ended();
  }

  /** What the screen shows when the command has ended. */
  ended(): Promise<string> {
    const isOver = (screen: string): boolean => {
      const lines = screen.trimEnd().split('\n');
      return lines.length > 1 && lines.at(-1) === PROMPT;
    };
    return this.until(isOver, 'the end of a command');
  }

  /** The screen as soon as it shows what is looked for. */
  async until(isThere: (screen: string) => boolean, what: string): Promise<string> {
    const limitMs = COMMAND_MS * PATIENCE;
    const deadline = Date.now() + limitMs;
    let screen = await this.screen();
    while (!isThere(screen)) {
      if (Date.now() > deadline) {
        throw new Error(`${what} did not come in ${limitMs} ms; the screen shows:\n${screen}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
      screen = await this.screen();
    }
    return screen;
  }

  /** What is to be seen; with `isColoured` with its escape sequences. */
  screen(isColoured = false): Promise<string> {
    return this.#ask('capture-pane', '-p', ...(isColoured ? ['-e'] : []), '-t', 'seat');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // The server of this folder's socket alone: it ends what runs in it, and itself.
    const pid = Number(await this.#ask('display-message', '-p', '#{pid}').catch(() => 'none'));
    await this.#ask('kill-server').catch(() => undefined);
    if (pid > 0) await eventually(() => !isAlive(pid), COMMAND_MS, `the end of tmux (${pid})`);
    await rm(this.#folder, { recursive: true, force: true });
  }

  async #ask(...words: readonly string[]): Promise<string> {
    const socket = join(this.#folder, 'socket');
    const env = { ...process.env, LANG: 'C.UTF-8', ...this.#tmux.environment };
    const { stdout } = await call(this.#tmux.path, ['-u', '-S', socket, ...words], { env });
    return stdout;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
