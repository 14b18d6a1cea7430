import { access } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { editorOf } from '../../../cli/editor.ts';
import { UsageFailure } from '../../../cli/failure.ts';

test('what the editor makes of the text comes back; the file goes when it is told to', async () => {
  const edit = editorOf({ EDITOR: 'sed -i s/three/four/' });
  const edited = await edit('count: three\n', 'workload-hello.yaml');
  expect(edited.text).toBe('count: four\n');
  expect(edited.file).toMatch(/workload-hello\.yaml$/);
  await edited.forget();
  await expect(access(edited.file)).rejects.toThrow();
});

test('an editor that fails, or is not there, changed nothing', async () => {
  for (const [editor, why] of [
    ['false', 'ended with 1'],
    ['no-such-editor', 'ended with 127'],
  ] as const) {
    const edited = editorOf({ VISUAL: editor, EDITOR: 'true' })('text', 'a.yaml');
    await expect(edited).rejects.toThrow(UsageFailure);
    await expect(edited).rejects.toThrow(why);
  }
});
