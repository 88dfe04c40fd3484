/** @file Tokens and positions → hidden states. */
import type { DecoderModel, Embedding } from '../../models/decoder_model.ts';
import { isQuantized } from '../quantize/quantized_ref.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { gatherDequantized } from './gather_dequantized.ts';
import { project } from './linear.ts';
import { centered, normalize } from './norm.ts';
import type { Positions } from './positions.ts';

const SCOPE = '/model/embed_tokens';
const NAME = 'model.embed_tokens';

/** `centre(norm(scale · E[token]))·projection + centre(P[position + offset])`, (B, S, d). */
export function embedTokens(builder: GraphBuilder, { embed_tokens }: DecoderModel, positions: Positions): Value {
  let hidden = rowsOfTable(builder, embed_tokens);
  hidden = builder.scaled(`${SCOPE}/Scale`, hidden, embed_tokens.scale);
  hidden = normalize(builder, embed_tokens.norm, hidden, '/model/embed_layernorm', 'model.embed_layernorm');
  if (embed_tokens.centered) hidden = centered(builder, hidden, SCOPE);
  hidden = project(builder, embed_tokens.projection, hidden, `${SCOPE}/projection`, `${NAME}.projection`);
  if (!embed_tokens.positions) return hidden;
  return builder.node('Add', `${SCOPE}/positions/Add`, [hidden, learnedPositions(builder, embed_tokens, positions)]);
}

/** E[token]; only the rows of this text become f32. */
function rowsOfTable(builder: GraphBuilder, { weight }: Embedding): Value {
  if (!isQuantized(weight)) {
    const rows = builder.node('Gather', `${SCOPE}/Gather`, [
      builder.storedWeight(weight, `${NAME}.weight`),
      'input_ids',
    ]);
    return weight.dtype === 'F32' ? rows : builder.cast(`${SCOPE}/Cast`, rows, 'FLOAT');
  }
  return gatherDequantized(builder, weight, 'input_ids', SCOPE, `${NAME}.weight`);
}

function learnedPositions(builder: GraphBuilder, embedding: Embedding, positions: Positions): Value {
  const { weight, offset } = embedding.positions as NonNullable<Embedding['positions']>;
  const scope = `${SCOPE}/positions`;
  let ids = positions.ids();
  if (offset !== 0) ids = builder.node('Add', `${scope}/Offset`, [ids, builder.ints(offset)]);
  const table = builder.storedWeight(weight, 'model.embed_positions.weight');
  let rows = builder.node('Gather', `${scope}/Gather`, [table, ids]);
  if (weight.dtype !== 'F32') rows = builder.cast(`${scope}/Cast`, rows, 'FLOAT');
  return embedding.centered ? centered(builder, rows, scope) : rows;
}
