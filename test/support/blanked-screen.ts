/** A screen without what is otherwise each time: ages, ids, ports, moments, and what is in use. */

/** As wide as what was there, or as the title of its column: what stands beside it stays in place. */
const blank = (columns: number): string => '·'.repeat(columns);

/** A length of time as people are told it. */
const SPAN = String.raw`\d+(?:\.\d+)?(?:ms|s|m|h)(?:\d+[sm])?`;
/** Escape sequences that were made legible. */
const LOOK = String.raw`(?:␛\[\d+m)`;
const MOMENT = /\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?Z/g;
const PORT = /(?<=127\.0\.0\.1:|localhost:|listening on )\d+/g;
/** The last word of a line that was cut: how much of it there is depends on the time before it. */
const CUT = / \S*…$/;
const REFUSAL = /(?<=, id )[A-Z0-9]{22}\b/g;

/** Ages: a column at least as wide as its title, and texts. */
function withoutSpans(line: string): string {
  return line
    .replace(new RegExp(`(AGE${LOOK}*) {3,}`, 'g'), '$1  ')
    .replace(new RegExp(`(?<=  )${SPAN} {2,}`, 'g'), `${blank(3)}  `)
    .replace(new RegExp(`(?<=  )${SPAN}$`), blank(3))
    .replace(new RegExp(`(?<=  |\\(|^)${SPAN}(?=\\)| ago|␛)`, 'g'), blank(1));
}

/** What is in use, of lines that end with when that was said. Before the spans: five millicores look like five minutes. */
function withoutUse(line: string): string {
  const amount = String.raw`\d+(?:\.\d+)?`;
  if (!/ (?:SAID|ago)$/.test(line)) return line;
  return line
    .replace(/ {2,}CPU/, '  CPU')
    .replace(/ {2,}MEMORY/, '  MEMORY')
    .replace(new RegExp(` {2,}${amount}m(?= )`), `  ${blank(3)}`)
    .replace(new RegExp(` {2,}${amount}[KMGT]i(?= )`), `  ${blank(6)}`)
    .replace(/^n\d/, `n${blank(1)}`);
}

/**
 * The screen as it may be kept, without the empty lines at its end. `workloads` are those whose
 * instances are there, or pools whose slots are: of each its id and its node are otherwise each time.
 */
export function blankedScreen(screen: string, workloads: readonly string[]): string {
  const own = '-[a-z0-9]{5}|-[a-z0-9]{10}(?:-[a-z0-9]{5})?';
  const before = String.raw`(?<=^|[^a-z]|\[\d+m)`;
  const id = new RegExp(`${before}(${workloads.join('|')})(${own})\\b`, 'g');
  const blankId = (_id: string, name: string, rest: string): string =>
    `${name}${rest.replaceAll(/[a-z0-9]/g, blank(1))}`;
  const lines = screen.split('\n').map((line) => {
    const plain = line
      .trimEnd()
      .replace(MOMENT, (moment) => blank(moment.length))
      .replace(PORT, (port) => blank(port.length))
      .replace(REFUSAL, (found) => blank(found.length));
    const isOfInstance = plain.search(id) >= 0 || /\d on n\d/.test(plain);
    const placed = isOfInstance ? plain.replace(/\bn\d\b/g, `n${blank(1)}`) : plain;
    return withoutSpans(withoutUse(placed.replace(id, blankId).replace(CUT, ' …')));
  });
  return `${lines.join('\n').trimEnd()}\n`;
}

/** Escape sequences as a person can read them; what tmux says three times is said once. */
export function legible(text: string): string {
  return text.replaceAll('\u001b', '␛').replaceAll('␛[0m␛[39m␛[49m', '␛[0m');
}
