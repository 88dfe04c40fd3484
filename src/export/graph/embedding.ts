/** @file Tokens and positions → hidden states. */
import type { DecoderModel, Embedding } from '../../models/decoder_model.ts';
import { BLOCK_SIZE, blocksOf } from '../quantize/blocks.ts';
import { blobBytes } from '../quantize/pack.ts';
import { isQuantized } from '../quantize/quantized_ref.ts';
import type { GraphBuilder, Value } from './builder.ts';
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
  // A tied head reads the same codes as (vocabulary, blocks, blob).
  const { codes, scales, zero_points } = builder.quantizedWeight(weight, `${NAME}.weight`, `${SCOPE}/scales/Cast`);
  const { bits, columns } = weight.quantized;
  const blocks = blocksOf(columns);
  const flat = builder.node('Reshape', `${SCOPE}/Reshape`, [codes, builder.ints([0, blocks * blobBytes(bits)])]);
  const rows = builder.contribNode(
    'GatherBlockQuantized',
    `${SCOPE}/GatherBlockQuantized`,
    [flat, 'input_ids', scales, ...(zero_points ? [zero_points] : [])],
    { bits, block_size: BLOCK_SIZE, gather_axis: 0, quantize_axis: 1 },
  );
  if (blocks * BLOCK_SIZE === columns) return rows;
  // The last block is padded.
  const [start, end, axis] = [0, columns, -1].map((value) => builder.ints([value]));
  return builder.node('Slice', `${SCOPE}/Slice`, [rows, start, end, axis]);
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
