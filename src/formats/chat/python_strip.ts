/**
 * @file `strip`, `lstrip` and `rstrip` with the characters that they are to take off. The engine of templates leaves these out
 * and takes off blanks whatever is asked for, in silence; templates of Qwen 3 and others ask for line breaks alone.
 */
import type { Template } from '@huggingface/jinja';

/** Under which a template calls {@link stripCharacters}. */
export const STRIP = 'strip_of_whittle';

const METHODS: ReadonlySet<unknown> = new Set(['strip', 'lstrip', 'rstrip']);

/** `text.strip(characters)` becomes `STRIP(text, 'strip', characters)`, in place, wherever it is called with characters. */
export function callStrip(program: Template['parsed']): void {
  for (const node of nodesOf(program)) {
    const { type, callee, args } = node;
    if (type !== 'CallExpression' || !isNode(callee) || !Array.isArray(args) || args.length !== 1) continue;
    const { object, property, computed } = callee;
    if (callee.type !== 'MemberExpression' || computed || !isNode(property) || !METHODS.has(property.value)) continue;
    node.callee = { type: 'Identifier', value: STRIP };
    node.args = [object, { type: 'StringLiteral', value: property.value }, args[0]];
  }
}

/** As Python's: all of these characters, in any order, off the ends. */
export function stripCharacters(text: unknown, method: string, characters: unknown): string {
  if (typeof text !== 'string') throw new TypeError(`${method} is asked of something that is no text`);
  if (characters === null || characters === undefined) {
    return { strip: text.trim(), lstrip: text.trimStart(), rstrip: text.trimEnd() }[method] ?? text;
  }
  const taken = new Set(String(characters));
  const all = [...text];
  let [start, end] = [0, all.length];
  if (method !== 'rstrip') while (start < end && taken.has(all[start])) start++;
  if (method !== 'lstrip') while (end > start && taken.has(all[end - 1])) end--;
  return all.slice(start, end).join('');
}

type Node = Record<string, unknown>;

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null;
}

export function* nodesOf(value: unknown): Generator<Node> {
  if (value instanceof Map) {
    for (const entry of value) yield* nodesOf(entry);
    return;
  }
  if (!isNode(value)) return;
  // Parts before the whole: a call within a call is changed first, and its new arguments are not walked again.
  for (const part of Object.values(value)) yield* nodesOf(part);
  if (!Array.isArray(value)) yield value;
}
