/** @file Post-processors: the special tokens around a text's ids. Offsets, which most of them move, are not needed here. */
import { JsonNumber } from '../json.ts';
import type { Part } from './parts.ts';

/** Ids around the text, with `TEXT` where its own go. */
export type Frame = readonly (number | typeof TEXT)[];

export const TEXT = 'text';

const POST_PROCESSORS: Readonly<Record<string, (part: Part) => Frame>> = {
  Sequence: chain,
  ByteLevel: () => [TEXT],
  TemplateProcessing: template,
  BertProcessing: (part) => [idOfPair(part, 'cls'), TEXT, idOfPair(part, 'sep')],
  RobertaProcessing: (part) => [idOfPair(part, 'cls'), TEXT, idOfPair(part, 'sep')],
};

export function buildFrame(part: Part): Frame {
  const build = Object.hasOwn(POST_PROCESSORS, part.type) ? POST_PROCESSORS[part.type] : undefined;
  if (!build) throw part.unknown('post-processor', Object.keys(POST_PROCESSORS));
  return build(part);
}

function chain(part: Part): Frame {
  const stages = part.parts('processors');
  const last = stages.findLastIndex((stage) => stage.type !== 'ByteLevel');
  if (stages.some((stage, i) => i < last && (stage.type === 'TemplateProcessing' || stage.type === 'Sequence'))) {
    // The library hands on the template's parts as texts of their own, and the next stage takes them for a pair.
    throw part.refuse(
      'A post-processor follows a template.',
      'processors',
      'TemplateProcessing as the last of a Sequence',
    );
  }
  return stages.map(buildFrame).reduce(inside, [TEXT]);
}

/** The outer frame with the inner one in the text's place. */
function inside(inner: Frame, outer: Frame): Frame {
  return outer.flatMap((each) => (each === TEXT ? inner : [each]));
}

function template(part: Part): Frame {
  const specials = part.options.get('special_tokens');
  const single = part.options.get('single');
  if (!Array.isArray(single)) throw part.wrong('single', 'a list of {"Sequence": …} and {"SpecialToken": …}');
  return single.flatMap((item): Frame => {
    const [kind, value] = item instanceof Map && item.size === 1 ? [...item][0]! : [];
    const id = value instanceof Map ? value.get('id') : undefined;
    if (kind === 'Sequence' && id === 'A') return [TEXT];
    if (kind === 'Sequence') throw part.refuse('The template for one text asks for a second one.', 'single');
    if (kind !== 'SpecialToken' || typeof id !== 'string') {
      throw part.wrong('single', 'a list of {"Sequence": …} and {"SpecialToken": …}');
    }
    const special = specials instanceof Map ? specials.get(id) : undefined;
    const ids = special instanceof Map ? special.get('ids') : undefined;
    if (!Array.isArray(ids)) {
      throw part.refuse(
        `The template inserts ${JSON.stringify(id)}, which is not among its special_tokens.`,
        'special_tokens',
      );
    }
    return ids.map((each) => numberOf(each) ?? refuseIds(part, 'special_tokens'));
  });
}

/** `["</s>", 2]`. */
function idOfPair(part: Part, key: string): number {
  const pair = part.options.get(key);
  return (Array.isArray(pair) && pair.length === 2 ? numberOf(pair[1]) : undefined) ?? refuseIds(part, key);
}

function numberOf(value: unknown): number | undefined {
  const number = value instanceof JsonNumber ? Number(value.text) : Number.NaN;
  return Number.isSafeInteger(number) && number >= 0 ? number : undefined;
}

function refuseIds(part: Part, key: string): never {
  throw part.wrong(key, 'token ids');
}
