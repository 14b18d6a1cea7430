/** Makes sure that every place in a manifest can be told as line and column, both from 1. */
import { type Document, isAlias, isMap, isScalar, isSeq, LineCounter, type Node } from 'yaml';

export interface Place {
  readonly line: number;
  readonly column: number;
}

/** Offsets of a text as lines and columns; what lies behind the last character is put onto it. */
export class Lines {
  readonly #counter = new LineCounter();
  readonly #last: number;

  constructor(text: string) {
    this.#counter.addNewLine(0);
    for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) {
      this.#counter.addNewLine(at + 1);
    }
    this.#last = Math.max(0, text.replace(/[\r\n]+$/, '').length - 1);
  }

  at(offset: number): Place {
    const { line, col } = this.#counter.linePos(Math.max(0, Math.min(offset, this.#last)));
    return { line, column: col };
  }
}

/** Where something stands: the key that names it, and its value. */
export interface Found {
  readonly key: number | undefined;
  readonly value: number | undefined;
}

/**
 * Offsets of what stands at a path. Where the path leads to nothing, those of the nearest thing
 * above it, so that what is missing can be shown where it belongs.
 */
export function find(document: Document.Parsed, path: readonly PropertyKey[]): Found {
  let node: Node | null | undefined = document.contents;
  let found: Found = { key: undefined, value: offsetOf(node) };
  for (const step of path) {
    if (isAlias(node)) node = node.resolve(document);
    if (isMap(node)) {
      const pair = node.items.find((each) => isScalar(each.key) && each.key.value === step);
      if (!pair) return found;
      node = pair.value as Node | null;
      const key = offsetOf(pair.key as Node);
      found = { key, value: offsetOf(node) ?? key };
    } else if (isSeq(node)) {
      node = node.items[Number(step)] as Node | undefined;
      if (!node) return found;
      found = { key: offsetOf(node), value: offsetOf(node) };
    } else {
      return found;
    }
  }
  return found;
}

export function offsetOf(node: Node | null | undefined): number | undefined {
  return node?.range?.[0];
}

/** A path as people write it: `spec.ports[0].name`. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? String(step) : `.${String(step)}`;
  }
  return text;
}
