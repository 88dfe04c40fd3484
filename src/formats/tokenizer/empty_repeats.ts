/**
 * @file Where JavaScript's engine takes an expression otherwise than Oniguruma: a repetition that matches nothing is
 * given up there and kept here, and a group's text is forgotten there when the group comes again.
 */
import { type AlternativeElementNode, type AlternativeNode, parse } from 'oniguruma-parser/parser';

type Node = AlternativeNode | AlternativeElementNode;

/** What is different, in a few words; undefined where nothing is. Throws what the parser throws. */
export function differentRepeat(pattern: string): string | undefined {
  const { body } = parse(pattern);
  if (body.some((each) => hasEmptyRepeat(each as Node))) return 'a repeated group that may match nothing';
  if (/\\(?:[1-9]|k[<'])/.test(pattern) && body.some((each) => hasRepeatedCapture(each as Node, false))) {
    return 'a reference to a repeated group';
  }
  return undefined;
}

function children(node: Node): readonly Node[] {
  if (!('body' in node)) return [];
  return (Array.isArray(node.body) ? node.body : [node.body]) as Node[];
}

function hasEmptyRepeat(node: Node): boolean {
  if (node.type === 'Quantifier' && mayBeEmpty(node.body as Node)) return true;
  return node.type !== 'CharacterClass' && children(node).some(hasEmptyRepeat);
}

function hasRepeatedCapture(node: Node, isRepeated: boolean): boolean {
  if (node.type === 'CapturingGroup' && isRepeated) return true;
  if (node.type === 'CharacterClass') return false;
  return children(node).some((each) => hasRepeatedCapture(each, isRepeated || node.type === 'Quantifier'));
}

function mayBeEmpty(node: Node): boolean {
  switch (node.type) {
    case 'Character':
    case 'CharacterSet':
    case 'CharacterClass':
      return false;
    case 'Quantifier':
      return node.min === 0 || mayBeEmpty(node.body as Node);
    case 'Alternative':
      return children(node).every(mayBeEmpty);
    case 'Group':
    case 'CapturingGroup':
      return children(node).some(mayBeEmpty);
    default:
      return true;
  }
}
