/** @file Models of real size from sparse files: headers are true, and the file system gives zeros without storing them. */
import { openAsBlob } from 'node:fs';
import { mkdtemp, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ModelFile } from '../../src/formats/hf/files.ts';
import { safetensorsHeader } from '../../src/formats/safetensors/write.ts';
import { elementCount, type Shape } from '../../src/tensor/shape.ts';
import { jsonBlob } from '../fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from '../fixtures/tiny_tokenizer.ts';

export interface LlamaSizes {
  vocab_size: number;
  hidden_size: number;
  intermediate_size: number;
  num_hidden_layers: number;
  num_attention_heads: number;
  num_key_value_heads: number;
  tie_word_embeddings: boolean;
}

export interface SparseModel {
  files: ModelFile[];
  /** Of one layer's weights, in F16. */
  layerBytes: number;
  remove(): Promise<void>;
}

interface StoredTensor {
  name: string;
  dtype: string;
  shape: Shape;
}

/** Shards stay below 4 GiB: what Node 20 can show of a file as a Blob. */
const SHARDS = 4;

/** A Llama in F16 whose weights are zeros. */
export async function sparseLlama(sizes: LlamaSizes): Promise<SparseModel> {
  const folder = await mkdtemp(join(tmpdir(), 'whittle-sparse-'));
  const { vocab_size: V, hidden_size: D, num_hidden_layers: L, tie_word_embeddings } = sizes;
  const table = (name: string) => ({ name, dtype: 'F16', shape: [V, D] });
  const shards = Array.from({ length: SHARDS }, (_, i) =>
    Array.from({ length: L }, (__, layer) => layer)
      .filter((layer) => Math.floor((layer * SHARDS) / L) === i)
      .flatMap((layer) => tensorsOfLayer(sizes, layer)),
  );
  shards[0].push(table('model.embed_tokens.weight'));
  shards[SHARDS - 1].push({ name: 'model.norm.weight', dtype: 'F16', shape: [D] });
  if (!tie_word_embeddings) shards[SHARDS - 1].push(table('lm_head.weight'));

  const weight_map: Record<string, string> = {};
  const files: ModelFile[] = [
    { path: 'sparse/config.json', blob: jsonBlob(configOf(sizes)) },
    { path: 'sparse/tokenizer.json', blob: jsonBlob(tinyTokenizerJson()) },
  ];
  for (const [i, tensors] of shards.entries()) {
    const name = `model-0000${i + 1}-of-0000${SHARDS}.safetensors`;
    await sparseShard(join(folder, name), tensors);
    files.push({ path: `sparse/${name}`, blob: await openAsBlob(join(folder, name)) });
    for (const tensor of tensors) weight_map[tensor.name] = name;
  }
  const total_size = shards.reduce((sum, tensors) => sum + bytesOf(tensors), 0);
  files.push({ path: 'sparse/model.safetensors.index.json', blob: jsonBlob({ metadata: { total_size }, weight_map }) });
  return {
    files,
    layerBytes: bytesOf(tensorsOfLayer(sizes, 0)),
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

function configOf(sizes: LlamaSizes): Record<string, unknown> {
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    ...sizes,
    max_position_embeddings: 4096,
    rms_norm_eps: 1e-5,
  };
}

function tensorsOfLayer(sizes: LlamaSizes, layer: number): StoredTensor[] {
  const { hidden_size: D, intermediate_size: F, num_attention_heads: heads, num_key_value_heads: kv } = sizes;
  const K = (D / heads) * kv;
  const tensor = (name: string, ...shape: number[]) => ({
    name: `model.layers.${layer}.${name}.weight`,
    dtype: 'F16',
    shape,
  });
  return [
    tensor('input_layernorm', D),
    tensor('self_attn.q_proj', D, D),
    tensor('self_attn.k_proj', K, D),
    tensor('self_attn.v_proj', K, D),
    tensor('self_attn.o_proj', D, D),
    tensor('post_attention_layernorm', D),
    tensor('mlp.gate_proj', F, D),
    tensor('mlp.up_proj', F, D),
    tensor('mlp.down_proj', D, F),
  ];
}

function bytesOf(tensors: readonly StoredTensor[]): number {
  return tensors.reduce((sum, { shape }) => sum + 2 * elementCount(shape), 0);
}

async function sparseShard(path: string, tensors: readonly StoredTensor[]): Promise<void> {
  const header = safetensorsHeader(tensors);
  const file = await open(path, 'w');
  await file.write(header);
  await file.truncate(header.byteLength + bytesOf(tensors));
  await file.close();
}
