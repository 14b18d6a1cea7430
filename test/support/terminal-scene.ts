/**
 * Somebody at a terminal of 100 × 30 before a real fabric: a real bash in a real tmux, with a folder of
 * its own, and the screens as they were when they were last looked at on purpose.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { root } from '../../local/layout.ts';
import { type FabricUnderTest, fabricUnderTest } from './fabric.ts';
import { GoldenScreens } from './golden-screens.ts';
import { TerminalUnderTest } from './terminal.ts';

export class TerminalScene implements AsyncDisposable {
  readonly under: FabricUnderTest;
  readonly terminal: TerminalUnderTest;
  readonly folder: string;
  readonly goldens: GoldenScreens;

  private constructor(of: Pick<TerminalScene, 'under' | 'terminal' | 'folder' | 'goldens'>) {
    this.under = of.under;
    this.terminal = of.terminal;
    this.folder = of.folder;
    this.goldens = of.goldens;
  }

  /**
   * `goldens`: folder of the screens; `workloads`: those whose instances have other names each time.
   * `variables`: of the terminal, given its folder, instead of the one that names the gateway.
   */
  static async open(
    of: {
      readonly goldens: URL;
      readonly workloads: readonly string[];
      readonly variables?: (folder: string) => Readonly<Record<string, string>>;
    },
    ...fabric: Parameters<typeof fabricUnderTest>
  ): Promise<TerminalScene> {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-'));
    const under = await fabricUnderTest(...fabric);
    const variables = of.variables?.(folder) ?? { SHOAL_GATEWAY: under.fabric.gatewayUrl };
    const PATH = [root, dirname(process.execPath), process.env['PATH']].join(delimiter);
    const options = { columns: 100, rows: 30, folder: root, environment: { PATH, ...variables } };
    try {
      const terminal = await TerminalUnderTest.open(options);
      const goldens = new GoldenScreens(of.goldens, of.workloads);
      return new TerminalScene({ under, terminal, folder, goldens });
    } catch (error) {
      await under[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Holds a screen against what it was. */
  expectGolden(name: string, screen: string): Promise<void> {
    return this.goldens.expect(name, screen, [this.folder]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.terminal[Symbol.asyncDispose]();
    } finally {
      // Whatever becomes of the terminal, no fabric is left behind.
      await this.under[Symbol.asyncDispose]();
      await rm(this.folder, { recursive: true, force: true });
    }
  }
}
