import type { ProtocolReport } from '../../engine/protocol.ts';
import { formatInteger } from '../format.ts';

export function protocolText(protocol: ProtocolReport): string {
  const { evaluation, eval_samples, seqlen, tokenizer } = protocol;
  return `${evaluation.name} · ${eval_samples} ${eval_samples === 1 ? 'window' : 'windows'} × ${formatInteger(seqlen)} tokens · ${tokenizer}`;
}

/** A warning for people; empty where calibration and evaluation are apart. */
export function overlapText({ shared_windows: shared = 0, eval_samples }: ProtocolReport): string {
  if (shared === 0) return '';
  const share = shared === eval_samples ? 'All' : `${shared} of ${eval_samples}`;
  return `${share} evaluation windows were calibrated on too, which flatters sliced models. Choose another evaluation text.`;
}

/** What a perplexity was measured with; stands beside every one of them. */
export function Protocol({ protocol }: { protocol: ProtocolReport }) {
  return <p className="protocol">{protocolText(protocol)}</p>;
}
