/**
 * TypeScript without what is no code: comments and the insides of strings, templates and regular
 * expressions become spaces, so that a search for a word finds code only. Positions and lines
 * stay where they are; what stands in a template's `${…}` stays too.
 */

export interface Blanked {
  readonly code: string;
  readonly strings: ReadonlySet<string>;
  /** Strings by where they begin. */
  readonly places: ReadonlyMap<number, string>;
}

export function blanked(text: string): Blanked {
  const blanker = new Blanker(text);
  blanker.run();
  const { places } = blanker;
  return { code: blanker.code.join(''), strings: new Set(places.values()), places };
}

class Blanker {
  readonly code: string[];
  readonly places = new Map<number, string>();
  readonly #text: string;
  /** For each open template, how many braces are open inside its current `${`. */
  readonly #templates: number[] = [];
  #at = 0;
  /** The last word or sign of code: tells a division from a regular expression. */
  #last = '';

  constructor(text: string) {
    this.#text = text;
    this.code = text.split('');
  }

  run(): void {
    while (this.#at < this.#text.length) this.#next();
  }

  #next(): void {
    const letter = this.#text[this.#at] as string;
    if (this.#text.startsWith('//', this.#at)) this.#skip(this.#lineEnd());
    else if (this.#text.startsWith('/*', this.#at)) this.#skip(this.#commentEnd());
    else if (letter === "'" || letter === '"') this.#string(letter);
    else if (letter === '`') this.#template();
    else if (letter === '/' && isRegexAfter(this.#last)) this.#regex();
    else this.#sign(letter);
  }

  #skip(end: number): void {
    this.#blank(this.#at, end);
    this.#at = end;
  }

  #lineEnd(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #commentEnd(): number {
    const end = this.#text.indexOf('*/', this.#at + 2);
    return end < 0 ? this.#text.length : end + 2;
  }

  #string(quote: string): void {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== quote) end += this.#step(end);
    this.places.set(this.#at, this.#text.slice(this.#at + 1, end));
    this.#inside(end, quote);
  }

  #regex(): void {
    let end = this.#at + 1;
    let isClass = false;
    while (end < this.#text.length && (isClass || this.#text[end] !== '/')) {
      if (this.#text[end] === '[') isClass = true;
      if (this.#text[end] === ']') isClass = false;
      end += this.#step(end);
    }
    this.#inside(end, 'x');
  }

  /** From a backtick, or from the brace that ends a `${`, to the next `${` or the end. */
  #template(): void {
    let end = this.#at + 1;
    while (end < this.#text.length && this.#text[end] !== '`') {
      if (this.#text.startsWith('${', end)) {
        this.#templates.push(0);
        this.#inside(end, '{');
        this.#at++;
        return;
      }
      end += this.#step(end);
    }
    this.#inside(end, '`');
  }

  #sign(letter: string): void {
    const word = /[\w$]/.test(letter) ? /^[\w$]+/.exec(this.#text.slice(this.#at))?.[0] : undefined;
    const open = this.#templates.pop();
    if (open === 0 && letter === '}') return this.#template();
    if (open !== undefined) {
      this.#templates.push(open + (letter === '{' ? 1 : letter === '}' ? -1 : 0));
    }
    if (!/\s/.test(letter)) this.#last = word ?? letter;
    this.#at += word?.length ?? 1;
  }

  /** Blanks from after the opening sign to `end`, and goes on after it. */
  #inside(end: number, last: string): void {
    this.#blank(this.#at + 1, end);
    this.#at = end + 1;
    this.#last = last;
  }

  #step(at: number): number {
    return this.#text[at] === '\\' ? 2 : 1;
  }

  #blank(from: number, to: number): void {
    for (let at = from; at < to; at++) if (this.code[at] !== '\n') this.code[at] = ' ';
  }
}

const BEFORE_REGEX = new Set(['return', 'typeof', 'case', 'in', 'of', 'await', 'yield']);

/** After a value a slash divides; after anything else it begins a regular expression. */
function isRegexAfter(last: string): boolean {
  return BEFORE_REGEX.has(last) || !/^[\w$)\]}'"`]/.test(last);
}
