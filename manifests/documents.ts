/**
 * Makes sure that YAML from anywhere is read within limits: no text, however made, costs more
 * than its size, ends the process or throws.
 *
 * I1  Nesting is bounded before anything recurses over it: nodes are composed by recursion, and
 *     20,000 open brackets would end the process, not throw.
 * I2  An alias is used only after its anchor and at most ALIASES_MAX times, however they nest.
 * I3  Keys are unique, compared in linear time.
 * I4  It is YAML 1.2, whatever a directive says: `yes` is a text.
 */
import {
  type Alias,
  Composer,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  Lexer,
  type Node,
  Parser,
  type YAMLMap,
} from 'yaml';
import { offsetOf } from './positions.ts';

/** Largest document, in bytes: what a workload's record may hold. */
export const DOCUMENT_BYTES_MAX = 131_072;
export const DOCUMENTS_MAX = 256;
/** Deepest nesting, in levels of the parser; a full manifest has twelve. */
export const DEPTH_MAX = 64;
const ALIASES_MAX = 100;
/** Problems of syntax told of one document: later ones mostly follow from the first. */
const SYNTAX_PROBLEMS_MAX = 3;
/** Tokens out of place after which a text is taken for no YAML, and not read on. */
const MISPLACED_MAX = 20;

/** What is wrong at an offset. */
export interface Fault {
  readonly offset: number;
  readonly message: string;
}

export interface ReadDocument {
  readonly document: Document.Parsed;
  /** Offset of the content. */
  readonly offset: number;
  readonly value: unknown;
  /** When there are any, `value` is undefined. */
  readonly faults: readonly Fault[];
}

/** Reads documents one after another; empty ones are left out. Never throws. */
export function* readDocuments(text: string): Generator<ReadDocument | Fault> {
  if (text.length > DOCUMENTS_MAX * DOCUMENT_BYTES_MAX) {
    yield { offset: 0, message: `the file is too large: ${text.length} characters` };
    return;
  }
  let count = 0;
  for (const read of compose(text)) {
    if ('message' in read) {
      yield read;
      return;
    }
    const { contents, errors } = read;
    const isEmpty = contents === null || (isScalar(contents) && contents.value === null);
    if (isEmpty && errors.length === 0) continue;
    if (++count > DOCUMENTS_MAX) {
      const offset = offsetOf(contents) ?? read.range[0];
      yield { offset, message: `more than ${DOCUMENTS_MAX} documents in one file` };
      return;
    }
    yield readOne(text, read);
  }
}

/** Documents, until nesting is too deep or the text is no YAML at all. */
function* compose(text: string): Generator<Document.Parsed | Fault> {
  const parser = new Parser();
  const composer = new Composer({
    uniqueKeys: false,
    stringKeys: true,
    prettyErrors: false,
    logLevel: 'silent',
  });
  let misplaced = 0;
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) {
      if (token.type === 'error') misplaced++;
      yield* composer.next(token);
    }
    if (misplaced > MISPLACED_MAX) break;
    if (parser.stack.length > DEPTH_MAX) {
      yield { offset: parser.offset - 1, message: `nested deeper than ${DEPTH_MAX} levels` };
      return;
    }
  }
  if (misplaced <= MISPLACED_MAX) {
    for (const token of parser.end()) yield* composer.next(token);
  }
  yield* composer.end(true, parser.offset);
}

function readOne(text: string, document: Document.Parsed): ReadDocument {
  const offset = offsetOf(document.contents) ?? document.range[0];
  const faults: Fault[] = [];
  const bytes = Buffer.byteLength(text.slice(document.range[0], document.range[2]));
  if (bytes > DOCUMENT_BYTES_MAX) {
    const message = `the document has ${bytes} bytes, at most ${DOCUMENT_BYTES_MAX} are allowed`;
    return { document, offset, value: undefined, faults: [{ offset, message }] };
  }
  for (const each of [...document.errors, ...document.warnings].slice(0, SYNTAX_PROBLEMS_MAX)) {
    faults.push({ offset: each.pos[0], message: `not valid YAML: ${each.message}` });
  }
  if (document.directives.yaml.version !== '1.2') {
    const { version } = document.directives.yaml;
    faults.push({ offset, message: `YAML ${version} is not read, only 1.2; drop the %YAML line` });
  }
  if (faults.length === 0) new Walk(faults).visit(document.contents);
  let value: unknown;
  if (faults.length === 0) {
    try {
      value = document.toJS({ maxAliasCount: ALIASES_MAX });
    } catch {
      faults.push({ offset, message: `aliases stand for more than ${ALIASES_MAX} things` });
    }
  }
  return { document, offset, value, faults };
}

/** One pass over a document's nodes, in the order they are written. */
class Walk {
  readonly #anchors = new Set<string>();
  readonly #faults: Fault[];
  #aliases = 0;

  constructor(faults: Fault[]) {
    this.#faults = faults;
  }

  visit(node: unknown): void {
    if (isAlias(node)) this.#alias(node);
    else if (isMap(node)) this.#map(node);
    else if (isSeq(node)) for (const each of node.items) this.visit(each);
    // Only now: an alias inside its own anchor would never end.
    if ((isScalar(node) || isMap(node) || isSeq(node)) && node.anchor) {
      this.#anchors.add(node.anchor);
    }
  }

  #alias(alias: Alias): void {
    if (++this.#aliases === ALIASES_MAX + 1) {
      this.#fault(alias, `more than ${ALIASES_MAX} aliases`);
    } else if (!this.#anchors.has(alias.source)) {
      this.#fault(alias, `no anchor &${alias.source} stands before this alias`);
    }
  }

  #map(map: YAMLMap): void {
    const keys = new Set<unknown>();
    for (const { key, value } of map.items) {
      const name = isScalar(key) ? key.value : undefined;
      if (typeof name !== 'string') {
        this.#fault(key as Node, 'a key must be a text');
      } else if (keys.has(name)) {
        this.#fault(key as Node, `the key ${JSON.stringify(name)} is here twice`);
      } else if (name === '__proto__') {
        this.#fault(key as Node, 'a key cannot be "__proto__"');
      }
      keys.add(name);
      this.visit(key);
      this.visit(value);
    }
  }

  #fault(node: Node | null, message: string): void {
    this.#faults.push({ offset: offsetOf(node) ?? 0, message });
  }
}
