/** Programs that tests start for themselves and that are one file with its libraries. See program.ts. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Wanted } from './program.ts';

/** Linked statically: it needs nothing beside it. */
export const caddy: Wanted = {
  ...{ name: 'Caddy', variable: 'CADDY', names: ['caddy'], version: ['version'] },
  ...{ packages: ['caddy'], places: ['usr/bin/caddy'] },
};

/** The server; beside it promtool, which reads its rules. */
export const prometheus: Wanted = {
  ...{ name: 'Prometheus', names: ['prometheus'], version: ['--version'] },
  ...{ packages: ['prometheus'], places: ['usr/bin/prometheus'] },
};

/** The server with its messages; below `../share/mysql` of it. */
export const mariadb: Wanted = {
  ...{ name: 'MariaDB', variable: 'MARIADBD', names: ['mariadbd'] },
  version: ['--no-defaults', '--version'],
  packages: ['mariadb-server-core', 'libaio1', 'liburing2', 'libnuma1'],
  places: ['usr/sbin/mariadbd', 'usr/bin/mariadbd'],
};

export const tmux: Wanted = {
  ...{ name: 'tmux', names: ['tmux'], version: ['-V'], places: ['usr/bin/tmux'] },
  packages: ['tmux', 'libevent-core-2.1-7', 'libutempter0', 'libtinfo6'],
};

/** As one program, which brings its modules. */
export const zsh: Wanted = {
  ...{ name: 'zsh', names: ['zsh'], version: ['--version'], places: ['bin/zsh-static'] },
  packages: ['zsh-static', 'zsh-common'],
};

export const fish: Wanted = {
  ...{ name: 'fish', names: ['fish'], version: ['--version'], places: ['usr/bin/fish'] },
  packages: ['fish', 'fish-common', 'libpcre2-32-0', 'libtinfo6'],
};

/** The browser, and a font: without one it shows no text. */
export const chromium: Wanted = {
  ...{ name: 'Chromium', names: ['chromium', 'chromium-browser', 'google-chrome'] },
  ...{ version: ['--version'], places: ['usr/lib/chromium/chromium'] },
  packages: ['chromium', 'fonts-liberation'],
  withMissing: 'some 100 to 200 MB',
  around: (tree, libraries) => {
    // Those of sound are linked to by where they would be installed.
    const all = [...libraries, ...libraries.map((folder) => join(folder, 'pulseaudio'))];
    return { LD_LIBRARY_PATH: all.join(':'), FONTCONFIG_FILE: fontsFile(tree) };
  },
  fetched: (tree) => writeFile(fontsFile(tree), fontsIn(tree)),
};

function fontsFile(tree: string): string {
  return join(tree, 'fonts.conf');
}

/** Which fonts there are: those that were fetched, and those that are installed. */
function fontsIn(tree: string): string {
  const folders = [join(tree, 'usr/share/fonts'), '/usr/share/fonts'];
  const places = folders.map((folder) => `<dir>${folder}</dir>`).join('');
  const aliases = '<include ignore_missing="yes">/etc/fonts/conf.d</include>';
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE fontconfig SYSTEM "fonts.dtd">',
    `<fontconfig>${places}${aliases}<cachedir>${join(tree, 'var/cache/fonts')}</cachedir></fontconfig>`,
    '',
  ].join('\n');
}
