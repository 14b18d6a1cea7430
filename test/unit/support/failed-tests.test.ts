/** What failed is told at the end of a run, so that a log that was cut still says it. */
import { expect, test } from 'vitest';
import { failed } from '../../support/failed-tests.ts';

const errors = (...messages: readonly string[]) => messages.map((message) => ({ message }));
const file = (
  tests: Readonly<Record<string, string>>,
  { read = '', prepared = '' }: { read?: string; prepared?: string } = {},
) => ({
  relativeModuleId: 'a.test.ts',
  errors: () => (read ? errors(read) : []),
  children: {
    allTests: () =>
      Object.entries(tests).map(([fullName, message]) => ({
        fullName,
        result: () => ({ errors: errors(message) }),
      })),
    allSuites: () => [{ fullName: 'group', errors: () => (prepared ? errors(prepared) : []) }],
  },
});

test('each failed test is a line with its file and the first that went wrong', () => {
  const coloured = 'expected \u001b[31m1\u001b[39m\n  to be 2';
  expect(failed([file({ 'group > one': coloured }), file({})])).toEqual([
    'What failed:',
    '  a.test.ts > group > one: expected 1 to be 2',
  ]);
});

test('files that cannot be read and groups that cannot be prepared are told too', () => {
  expect(failed([file({}, { read: 'no such module' }), file({}, { prepared: 'no port' })])).toEqual(
    ['What failed:', '  a.test.ts: no such module', '  a.test.ts > group: no port'],
  );
});

test('where nothing failed nothing is told', () => {
  expect(failed([file({})])).toEqual([]);
});
