/** What the fabric says no with, as the command line tells it: with what to do next. */
import { expect, test } from 'vitest';
import { manual } from '../../../cli/manual.ts';
import { refusalText } from '../../../cli/present/refusal.ts';
import { whyOf } from '../../../cli/session/ending.ts';
import { refusals } from '../../../subjects/index.ts';

/** A part of a sentence that tells whoever reads it to do something, or what shows more. */
const DO =
  /(?:^|[;,.] (?:or )?)(?:`shoal |ask |begin |change |choose |delete |end |give |go on |read |send |try |wait )/i;

const page = manual().replaceAll('\\-', '-');

test.each(Object.entries(refusals))('%s says what to do next', (code, { user, retry, http }) => {
  const body = { title: user, status: http, detail: '', code, id: 'r-1', retry, places: [] };
  const [, next] = /\n {2}next: (.+)$/.exec(refusalText(body)) ?? [];
  if (next === undefined) expect(user).toMatch(DO);
  // A command that is named is one; of what stands behind it nothing is looked for.
  for (const [, words = ''] of `${user} ${next}`.matchAll(/`(shoal [^`]+)`/g)) {
    const command = words
      .replace(/^(shoal (?:get|describe|delete)) .*$/, '$1')
      .replace(/ (?:[A-Z]|-).*$/, '');
    expect([command, page.includes(command)]).toEqual([command, true]);
  }
});

test('a session that is refused says it in its one line', () => {
  const why = { code: 'path-not-found', detail: 'there is no /x in web-1' };
  expect(whyOf({ kind: 'refused', why })).toMatchInlineSnapshot(
    '"there is no /x in web-1. There is no such file or folder in the instance. Next: `shoal exec NAME -- ls PATH` shows what is there."',
  );
  // One that a newer version has added has no step here.
  expect(whyOf({ kind: 'refused', why: { code: 'brand-new', detail: 'no' } })).toBe(
    'no. brand-new',
  );
});
