/**
 * @file `slicing_config.json`: the sizes of the residual stream in the field names of the official SliceGPT code
 * (microsoft/TransformerCompression, `SlicingConfig`). A file that its `SlicingConfig.from_json_string` reads.
 */
import type { DecoderModel } from '../../models/decoder_model.ts';

/** Keys are indices written as text: layers, or embedding tables (tokens, then learned positions). */
type Dimensions = Record<string, number>;

export interface SlicingConfig {
  hidden_size: number;
  layers_num: number;
  do_slice_head: boolean;
  parallel_blocks: boolean;
  embedding_dimensions: Dimensions;
  attention_input_dimensions: Dimensions;
  /** Empty for parallel blocks, as the official code leaves it: they have no stream between attention and MLP. */
  attention_output_dimensions: Dimensions;
  /** Empty for parallel blocks. */
  mlp_input_dimensions: Dimensions;
  mlp_output_dimensions: Dimensions;
  /** Size of the residual stream that the head reads. */
  head_dimension: number;
  /** Always null: the official code prefers the lists, which hold every size. */
  const_dimension: null;
}

/** From shapes alone, so that it is true of any model, sliced or dense. */
export function slicingConfig({ config, embed_tokens, layers }: DecoderModel): SlicingConfig {
  const sizes: SlicingConfig = {
    hidden_size: config.hidden_size,
    layers_num: layers.length,
    do_slice_head: false,
    parallel_blocks: layers[0]?.parallel === true,
    embedding_dimensions: {},
    attention_input_dimensions: {},
    attention_output_dimensions: {},
    mlp_input_dimensions: {},
    mlp_output_dimensions: {},
    head_dimension: config.hidden_size,
    const_dimension: null,
  };
  let stream = (embed_tokens.projection ?? embed_tokens.weight).shape[1];
  sizes.embedding_dimensions[0] = stream;
  if (embed_tokens.positions) sizes.embedding_dimensions[1] = embed_tokens.positions.weight.shape[1];
  for (const { index, parallel, attn_shortcut_Q, mlp_shortcut_Q } of layers) {
    sizes.attention_input_dimensions[index] = stream;
    stream = attn_shortcut_Q?.shape[1] ?? stream;
    if (!parallel) {
      sizes.attention_output_dimensions[index] = stream;
      sizes.mlp_input_dimensions[index] = stream;
      stream = mlp_shortcut_Q?.shape[1] ?? stream;
    }
    sizes.mlp_output_dimensions[index] = stream;
  }
  return { ...sizes, head_dimension: stream, do_slice_head: stream !== config.hidden_size };
}
