/** A program for tests that lives until it is told to hang: `hang` on its standard input. */
import { endWhenHung } from '../../actors/runtime/hang-watch.ts';

endWhenHung(1_000);
process.stdin.on('data', (text) => {
  // A step that never ends.
  if (String(text).includes('hang')) for (;;);
  process.stdout.write('lives\n');
});
process.stdout.write('begun\n');
