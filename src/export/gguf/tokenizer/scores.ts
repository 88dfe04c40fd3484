/**
 * @file BPE merges as scores of tokens, as SentencePiece has them: it merges the neighbours whose joined text has the best
 * score, whichever two tokens they are. Merges of tokenizer.json say which two, so scores stand for them only where that
 * makes no difference, which is checked.
 */
import { quoteText } from '../../../formats/json.ts';
import { mergePairs, NotCarried, type TokenizerJson, type TokenTable } from './token_table.ts';

/**
 * One a token, the first merge's the best. Throws {@link NotCarried}.
 *
 * For a token T that can be cut into two tokens in a way that no merge names, BPE must give T as one token. Then T's parts
 * never end up side by side either, because BPE's answer for a text is also its answer for any two neighbours in it, and
 * the additional way to merge them has nothing to do.
 */
export function mergeScores(
  json: TokenizerJson,
  { tokens, ids }: TokenTable,
  mergeable: ReadonlySet<number>,
): number[] {
  const pairs = mergePairs(json);
  const ranks = new Map<string, number>();
  const products = new Map<string, number>();
  let last = '';
  for (const [rank, [left, right]] of pairs.entries()) {
    const product = left + right;
    ranks.set(pairKey(left, right), rank);
    if (product !== last && products.has(product)) {
      throw new NotCarried(`its tokenizer merges ${quoteText(product)} at two different ranks`);
    }
    if (product !== last) products.set(product, products.size);
    last = product;
  }
  for (const id of mergeable) {
    const token = tokens[id];
    const cuts = cutsOf(token).filter(([left, right]) => ids.has(left) && ids.has(right));
    if (cuts.every(([left, right]) => ranks.has(pairKey(left, right)))) continue;
    if (!isOneToken(token, ranks)) {
      throw new NotCarried(`scores cannot say how its tokenizer merges ${quoteText(token)}`);
    }
  }
  return tokens.map((token) => -(products.get(token) ?? products.size));
}

function pairKey(left: string, right: string): string {
  return `${left} ${right}`;
}

function cutsOf(token: string): [string, string][] {
  const cuts: [string, string][] = [];
  let at = 0;
  for (const letter of token) {
    at += letter.length;
    if (at < token.length) cuts.push([token.slice(0, at), token.slice(at)]);
  }
  return cuts;
}

/** Whether BPE gives a text as one token. */
function isOneToken(text: string, ranks: ReadonlyMap<string, number>): boolean {
  const parts = [...text];
  while (parts.length > 1) {
    let best = -1;
    let bestRank = Number.POSITIVE_INFINITY;
    for (let i = 0; i + 1 < parts.length; i++) {
      const rank = ranks.get(pairKey(parts[i], parts[i + 1]));
      if (rank === undefined || rank >= bestRank) continue;
      best = i;
      bestRank = rank;
    }
    if (best < 0) return false;
    parts.splice(best, 2, parts[best] + parts[best + 1]);
  }
  return true;
}
