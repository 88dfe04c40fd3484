import type { ProtocolReport } from '../../engine/protocol.ts';
import { formatInteger } from '../format.ts';

export function protocolText(protocol: ProtocolReport): string {
  const { evaluation, eval_samples, seqlen, tokenizer } = protocol;
  return `${evaluation.name} · ${eval_samples} windows × ${formatInteger(seqlen)} tokens · ${tokenizer}`;
}

/** What a perplexity was measured with; stands beside every one of them. */
export function Protocol({ protocol }: { protocol: ProtocolReport }) {
  return <p className="protocol">{protocolText(protocol)}</p>;
}
