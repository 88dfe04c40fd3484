import { bosText } from '../../engine/plan.ts';
import type { ProtocolReport, TextReport } from '../../engine/protocol.ts';
import { formatInteger } from '../format.ts';

export function protocolText(protocol: ProtocolReport): string {
  const { evaluation, eval_samples, seqlen, bos, tokenizer } = protocol;
  const windows = eval_samples === 1 ? '1 window (no standard error)' : `${eval_samples} windows`;
  return `${evaluation.name} · ${windows} × ${formatInteger(seqlen)} tokens · ${bosText(bos)} · ${tokenizer}`;
}

/** How much of a text windows take, as far as it was tokenised: "uses 4,096 of 5,405,995 tokens". */
export function usedText({ tokens, at_least }: TextReport, used: number): string {
  const all = `${at_least ? 'at least ' : ''}${formatInteger(tokens)} tokens`;
  return `uses ${formatInteger(Math.min(used, tokens))} of ${all}`;
}

/** A warning for people; empty where calibration and evaluation are apart. */
export function overlapText({ shared_windows: shared = 0, eval_samples }: ProtocolReport): string {
  if (shared === 0) return '';
  const share = shared === eval_samples ? 'All' : `${shared} of ${eval_samples}`;
  return `${share} evaluation windows were calibrated on too, which flatters compressed models. Choose another evaluation text.`;
}

/** What a perplexity was measured with; stands beside every one of them. */
export function Protocol({ protocol }: { protocol: ProtocolReport }) {
  return <p className="protocol">{protocolText(protocol)}</p>;
}
