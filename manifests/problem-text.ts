/** Makes sure that what is wrong with a manifest reads as compilers write it: file, place, why. */
import type { Problem } from './parse.ts';

/** `hello.yaml:7:3: spec.cout: unknown key, did you mean "count"?` */
function problemText(source: string, problem: Problem): string {
  const { line, column, path, message } = problem;
  return `${source}:${line}:${column}: ${path === '' ? '' : `${path}: `}${message}`;
}

/** One line per problem, in the order given. */
export function problemsText(source: string, problems: readonly Problem[]): string {
  return problems.map((each) => problemText(source, each)).join('\n');
}
