/**
 * @file A Hugging Face config from the metadata of a GGUF file, as transformers names its keys. What the metadata leaves
 * out follows from the shapes of the tensors, or is what llama.cpp has built in for the architecture.
 */
import type { StoredTensor } from './checkpoint.ts';
import { badGguf, unsupportedGguf } from './errors.ts';
import { GGUF_FAMILIES } from './families.ts';
import type { Heads } from './map_tensors.ts';
import type { GgufMetadata } from './metadata.ts';
import { type RopeScaling, type RopeTables, ropeScaling } from './rope.ts';
import { judgeKeys } from './telling_keys.ts';

/** What every architecture's config is made from. */
export interface Facts extends Heads {
  readonly metadata: GgufMetadata;
  /** Puts the architecture's name before a key. */
  readonly key: (name: string) => string;
  readonly hidden_size: number;
  readonly intermediate_size: number;
  readonly num_hidden_layers: number;
  readonly vocab_size: number;
  readonly max_position_embeddings: number;
  readonly tie_word_embeddings: boolean;
  readonly rope_theta: number;
  /** Elements of a head that are rotated. */
  readonly rotary_dim: number;
  readonly rope_scaling?: RopeScaling;
  /** For people: keys that are unknown. */
  readonly warnings: readonly string[];
  readonly hasTensor: (name: string) => boolean;
  /** True where some layer has the tensor: `attn_q.bias`. */
  readonly someLayerHas: (name: string) => boolean;
  /** Shape of a tensor that must be there. */
  readonly shapeOf: (name: string) => readonly number[];
}

/** `general.architecture`, known. Throws `bad_gguf`, `unknown_architecture`. */
export function architectureOf(metadata: GgufMetadata): string {
  const key = 'general.architecture';
  const architecture = metadata.text(key);
  if (architecture === undefined) throw metadata.missing(key);
  if (Object.hasOwn(GGUF_FAMILIES, architecture)) return architecture;
  const reason = `The architecture is ${metadata.show(key)}, which Whittle does not read from GGUF.`;
  throw unsupportedGguf(metadata.file, reason, { field: key, allowed: Object.keys(GGUF_FAMILIES).join(', ') });
}

/** Throws `bad_gguf` for a missing or odd key, `unknown_architecture` for one that asks for another computation. */
export function readFacts(
  architecture: string,
  metadata: GgufMetadata,
  tensors: ReadonlyMap<string, StoredTensor>,
  tables: RopeTables,
): Facts {
  const key = (name: string) => `${architecture}.${name}`;
  if (metadata.bool(key('attention.causal')) === false) {
    throw unsupportedGguf(
      metadata.file,
      'Every token sees every other: this is a model of embeddings, not of language.',
      {
        field: key('attention.causal'),
        allowed: 'true, or no such key',
      },
    );
  }
  const required = (name: string, max?: number): number => {
    const value = metadata.uniformInteger(key(name), { min: 1, ...(max !== undefined && { max }) });
    if (value === undefined) throw metadata.missing(key(name));
    return value;
  };
  const shapeOf = (name: string): readonly number[] => {
    const tensor = tensors.get(name);
    if (tensor) return tensor.shape;
    throw badGguf(metadata.file, `The file holds no tensor ${name}.`, { tensor: name });
  };
  const hidden_size = required('embedding_length');
  const num_hidden_layers = required('block_count', 10_000);
  const num_attention_heads = required('attention.head_count');
  const keyValueKey = key('attention.head_count_kv');
  const num_key_value_heads = metadata.uniformInteger(keyValueKey, { min: 1 }) ?? num_attention_heads;
  if (num_attention_heads % num_key_value_heads !== 0) {
    throw metadata.odd(keyValueKey, `a divisor of the ${num_attention_heads} heads`);
  }
  const head_dim = headDim(metadata, key, hidden_size, num_attention_heads);
  const { keys: carried = [], parallel = false, unscaled_rotary } = GGUF_FAMILIES[architecture];
  const warnings = judgeKeys({ architecture, metadata, carried, hidden_size, head_dim, parallel });
  const rope_theta = metadata.number(key('rope.freq_base')) ?? 10_000;
  const rotaryKey = key('rope.dimension_count');
  const rotary_dim = metadata.integer(rotaryKey, { min: 2, max: head_dim }) ?? head_dim;
  if (rotary_dim % 2 !== 0) throw metadata.odd(rotaryKey, 'an even number');
  const context = required('context_length');
  const sizes = { theta: rope_theta, dim: rotary_dim, context_length: context };
  checkTables(metadata.file, tables, rotary_dim / 2);
  const rope_scaling = ropeScaling(metadata, key, tables, sizes);
  if (rope_scaling && unscaled_rotary) throw scaledRotary(metadata, key, architecture);
  const someLayerHas = (name: string) =>
    Array.from({ length: num_hidden_layers }, (_, i) => `blk.${i}.${name}`).some((tensor) => tensors.has(tensor));
  return {
    metadata,
    key,
    hidden_size,
    intermediate_size: required('feed_forward_length'),
    num_hidden_layers,
    num_attention_heads,
    num_key_value_heads,
    head_dim,
    vocab_size: shapeOf('token_embd.weight')[0],
    max_position_embeddings: context,
    tie_word_embeddings: !tensors.has('output.weight'),
    rope_theta,
    rotary_dim,
    rope_scaling,
    warnings,
    hasTensor: (name) => tensors.has(name),
    someLayerHas,
    shapeOf,
  };
}

function headDim(metadata: GgufMetadata, key: (name: string) => string, hidden_size: number, heads: number): number {
  const lengthKey = key('attention.key_length');
  const length = metadata.integer(lengthKey, { min: 1 });
  const valueKey = key('attention.value_length');
  const valueLength = metadata.integer(valueKey, { min: 1 });
  if (length === undefined && hidden_size % heads !== 0) {
    throw metadata.odd(key('attention.head_count'), `a divisor of the embedding length, ${hidden_size}`);
  }
  const head_dim = length ?? hidden_size / heads;
  if (valueLength !== undefined && valueLength !== head_dim) {
    throw unsupportedGguf(metadata.file, `Values have ${valueLength} elements a head, keys ${head_dim}.`, {
      field: valueKey,
      allowed: String(head_dim),
    });
  }
  if (head_dim % 2 !== 0)
    throw metadata.odd(
      length === undefined ? key('attention.head_count') : lengthKey,
      'heads of an even number of elements',
    );
  return head_dim;
}

function scaledRotary(metadata: GgufMetadata, key: (name: string) => string, architecture: string): Error {
  const found = key('rope.scaling.type');
  return unsupportedGguf(
    metadata.file,
    `The rotary embedding is scaled, which ${architecture} does not have in Whittle.`,
    {
      ...(metadata.has(found) ? { field: found } : { tensor: 'rope_freqs.weight' }),
      allowed: 'no scaling',
    },
  );
}

function checkTables(file: string, tables: RopeTables, expected: number): void {
  for (const [name, table] of Object.entries(tables)) {
    if (table === undefined) continue;
    const tensor = name === 'freqs' ? 'rope_freqs.weight' : `rope_factors_${name}.weight`;
    if (table.length !== expected || table.some((divisor: number) => !(divisor > 0 && Number.isFinite(divisor)))) {
      throw badGguf(file, `The table ${tensor} has ${table.length} entries, or one that is not positive.`, {
        tensor,
        allowed: `${expected} positive numbers`,
      });
    }
  }
}
