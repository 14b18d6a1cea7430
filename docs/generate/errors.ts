/** `errors.md`: the catalogue of refusals. */
import { refusals } from '../../subjects/index.ts';
import { code, table } from './table.ts';

const retries = {
  never: 'Asking again does not help: something about the ask has to change.',
  later: 'The same ask may succeed later. HTTP answers carry `Retry-After`.',
  elsewhere: 'The same ask may succeed at another place.',
} as const;

/** The whole document. */
export function errorsDocument(): string {
  const rows = Object.entries(refusals).map(([name, entry]) => [
    code(name),
    String(entry.http),
    entry.grpc,
    entry.retry,
    entry.user,
    entry.operator,
  ]);
  const sections = [
    '# Refusals',
    'Generated from `subjects/refusal.ts` by `npm run generate`; do not edit.',
    'Everything Shoal says no with. Over HTTP a refusal is a problem (RFC 9457) of type `urn:shoal:problem:<code>`; its `id` leads to the log. A code keeps its meaning for ever.',
    table(['code', 'HTTP', 'gRPC', 'retry', 'for the user', 'for the operator'], rows),
    Object.entries(retries)
      .map(([name, sentence]) => `- **${name}**: ${sentence}`)
      .join('\n'),
  ];
  return `${sections.join('\n\n')}\n`;
}
