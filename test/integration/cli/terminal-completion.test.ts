/** Tab in a zsh and a fish that somebody sits at: commands, nouns and names; bash is in terminal.test.ts. */
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, test } from 'vitest';
import { root } from '../../../local/layout.ts';
import { obtainProgram, type Program } from '../../../local/program.ts';
import { fish, zsh } from '../../../local/programs.ts';
import { eventually } from '../../support/ports.ts';
import { TerminalUnderTest } from '../../support/terminal.ts';
import { Fabric, service } from '../gateway/fabric.ts';

let fabric: Fabric;
let shells: Record<'zsh' | 'fish', Program>;
beforeAll(async () => {
  shells = { zsh: await obtainProgram(zsh), fish: await obtainProgram(fish) };
  fabric = await Fabric.start(1);
  for (const name of ['web', 'hello']) await fabric.put(name, service(name));
});
afterAll(() => fabric?.[Symbol.asyncDispose]());

/** Where the functions lie that come with a shell that was fetched; one that is installed knows. */
const functionsOf = (shell: 'zsh' | 'fish'): string | undefined => {
  const { tree } = shells[shell];
  return tree && join(tree, 'usr/share', shell, 'functions');
};

/** How each is begun without anybody's settings, and what is typed before Tab completes. */
const begun = {
  zsh: () => ({
    words: [shells.zsh.path, '-f', '-i', '-o', 'nopromptsp'],
    setUp: [
      functionsOf('zsh') ? `fpath=(${functionsOf('zsh')}/**/*(/))` : ':',
      'autoload -Uz compinit; compinit -u -D',
      'source <(shoal completion zsh)',
    ],
  }),
  fish: () => ({
    words: [
      ...[shells.fish.path, '--no-config', '-i', '-C'],
      [
        ...(functionsOf('fish') ? [`set -g fish_function_path ${functionsOf('fish')}`] : []),
        "function fish_prompt; echo -n '$ '; end",
        'set -g fish_greeting; set -g fish_autosuggestion_enabled 0',
      ].join('; '),
    ],
    setUp: ['shoal completion fish | source'],
  }),
};

test.each(['zsh', 'fish'] as const)(
  'Tab in %s completes commands, nouns and names',
  async (shell) => {
    const { words, setUp } = begun[shell]();
    await using terminal = await TerminalUnderTest.open({
      ...{ columns: 100, rows: 30, folder: root, shell: words },
      environment: {
        ...shells[shell].environment,
        PATH: [root, dirname(process.execPath), process.env['PATH']].join(delimiter),
        SHOAL_GATEWAY: fabric.gateway.apiUrl,
      },
    });
    for (const line of setUp) await terminal.run(line);
    await terminal.press('C-l');
    /** Tab until it is there: names are asked for only so long, and a busy machine is slow. */
    const tab = (pattern: RegExp, what: string): Promise<void> =>
      eventually(
        async () => {
          await terminal.press('Tab');
          for (let look = 0; look < 10; look++) {
            await pause(200);
            if (pattern.test(await terminal.screen())) return true;
          }
          return false;
        },
        60_000,
        what,
      );
    const type = async (line: string): Promise<void> => {
      await terminal.press('C-u', 'C-l');
      await terminal.type(line);
    };
    await type('shoal desc');
    await tab(/^\$ shoal describe/m, 'a command');
    await type('shoal describe wo');
    await tab(/^\$ shoal describe workload/m, 'a noun');
    await type('shoal describe workload ');
    await tab(/\nhello[\s\S]*web/, 'names');
    await type('shoal describe workload he');
    await tab(/^\$ shoal describe workload hello/m, 'the name');
  },
);
