/** @file Test support: what the engine tells of a small Llama; tests change what they are about. */
import type { ModelSummary, PartSizes, ProtocolReport } from './protocol.ts';

export const NO_PARTS: PartSizes = { embedding: 0, attention: 0, mlp: 0, shortcuts: 0, norms: 0, head: 0 };

/** 4 layers of 256, tied, half floats. */
export const SMALL_LLAMA: ModelSummary = {
  name: 'tiny',
  fingerprint: 'f1',
  architecture: 'LlamaForCausalLM',
  model_type: 'llama',
  norm: 'rms_norm',
  positions: 'rotary',
  parameters: 4_000_000,
  bytes: 8_000_000,
  multiplications_per_token: 4_000_000,
  dtype: 'F16',
  files: [],
  tokenizer: 'BPE',
  has_bos: true,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  max_position_embeddings: 1024,
  tensors: [],
  warnings: [],
  shape: {
    hidden_size: 256,
    intermediate_size: 704,
    num_hidden_layers: 4,
    query_size: 256,
    key_value_size: 128,
    vocab_size: 4096,
    tied: true,
    parallel: false,
    gated: true,
    layer_norm: false,
    norm_bias: false,
    final_norm: { weight: true, bias: false },
    head_bias: false,
    position_rows: 0,
    embedding_norm: 0,
    head_norms: 0,
    attention_bias: { q: false, k: false, v: false, o: false },
    mlp_bias: { gate: false, up: false, down: false },
    bytes_per_element: 2,
    dense: { embedding: 1_048_576, attention: 786_432, mlp: 2_162_688, shortcuts: 0, norms: 2304, head: 0 },
  },
};

export const PROTOCOL: ProtocolReport = {
  ...{ seqlen: 256, samples: 16, eval_samples: 16 },
  calibration: { name: 'calibration.txt', tokens: 42760 },
  evaluation: { name: 'evaluation.txt', tokens: 43117 },
  bos: 'first',
  tokenizer: 'BPE, 4096 tokens',
};
