/** @file SentencePiece-style BPE as GGUF keeps it: the kind `llama`, with a score a token and bytes as a fallback. */
import { TOKEN_TYPE } from '../../../formats/gguf/tokenizer/vocabulary.ts';
import { bool, type Metadata, string } from '../metadata.ts';
import { mergeScores } from './scores.ts';
import { NotCarried, objectOf, type TokenizerJson, type TokenTable } from './token_table.ts';

const SPACE = '▁';
/** As {@link normalizerSteps} names it. */
const REPLACED = `Replace " " ${SPACE}`;
const BYTE = /^<0x[0-9A-F]{2}>$/;

export function pieceType(token: string): number {
  return BYTE.test(token) ? TOKEN_TYPE.byte : TOKEN_TYPE.normal;
}

/** Kind, scores and the leading space. Throws {@link NotCarried}. */
export function sentencePieceMetadata(json: TokenizerJson, table: TokenTable): Metadata {
  const { tokens, types, added } = table;
  if (types.filter((type) => type === TOKEN_TYPE.byte).length !== 256) {
    throw new NotCarried('its tokenizer has not one token for each byte to fall back to');
  }
  const changed = added.find(({ special, normalized }) => !special && normalized === true);
  if (changed) throw new NotCarried('its tokenizer finds added tokens only after it has changed the text');
  const add_space_prefix = bool(addsSpace(json));
  const mergeable = new Set([...tokens.keys()].filter((id) => types[id] === TOKEN_TYPE.normal));
  const scores = mergeScores(json, table, mergeable);
  return new Map([
    ['tokenizer.ggml.model', string('llama')],
    ['tokenizer.ggml.pre', string('default')],
    ['tokenizer.ggml.scores', { type: 'array', of: 'float32', values: scores }],
    ['tokenizer.ggml.add_space_prefix', add_space_prefix],
  ]);
}

/** Whether a text gets a space in front, after making sure that spaces become SPACE and nothing else happens to it. */
function addsSpace({ normalizer, pre_tokenizer }: TokenizerJson): boolean {
  const steps = normalizerSteps(normalizer);
  const pre = objectOf(pre_tokenizer);
  const withMetaspace =
    pre.type === 'Metaspace' && pre.replacement === SPACE && pre.split === false && steps.length === 0;
  if (withMetaspace) return (pre.prepend_scheme ?? 'always') !== 'never';
  // Gemma's cuts at spaces, of which none is left by then.
  const idle = pre.type === undefined || (pre.type === 'Split' && objectOf(pre.pattern).String === ' ');
  if (idle && steps.length === 2 && steps[0] === `Prepend ${SPACE}` && steps[1] === REPLACED) return true;
  if (idle && steps.length === 1 && steps[0] === REPLACED) return false;
  throw new NotCarried('its tokenizer changes or cuts text in another way than SentencePiece does');
}

function normalizerSteps(normalizer: unknown): string[] {
  const step = objectOf(normalizer);
  switch (step.type) {
    case undefined:
      return [];
    case 'Sequence':
      return (step.normalizers as readonly unknown[]).flatMap(normalizerSteps);
    case 'Prepend':
      return [`Prepend ${String(step.prepend)}`];
    case 'Replace':
      return [`Replace ${JSON.stringify(objectOf(step.pattern).String ?? step.pattern)} ${String(step.content)}`];
    default:
      return [String(step.type)];
  }
}
