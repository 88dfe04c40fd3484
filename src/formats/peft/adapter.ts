/** @file The factors of a LoRA by module, from adapter_model.safetensors. No number is read. */
import { WhittleError } from '../../errors/errors.ts';
import type { Checkpoint, TensorInfo } from '../checkpoint.ts';
import { openSafetensors } from '../safetensors/checkpoint.ts';
import type { ByteSource } from '../source.ts';
import { type LoraConfig, readLoraConfig } from './adapter_config.ts';

/** B·A of one matrix. */
export interface Factors {
  /** Path in the base model: "model.layers.0.self_attn.q_proj". */
  readonly module: string;
  /** (rank, in); of an embedding (rank, vocabulary). */
  readonly A: TensorInfo;
  /** (out, rank); of an embedding (d, rank). */
  readonly B: TensorInfo;
  readonly is_embedding: boolean;
  readonly scale: number;
}

export interface Adapter {
  readonly config: LoraConfig;
  readonly weights: ByteSource;
  readonly checkpoint: Checkpoint;
  readonly factors: readonly Factors[];
  /** What was trained whole, by its name in the base model: biases, modules to save. */
  readonly whole: ReadonlyMap<string, TensorInfo>;
}

export const ADAPTER_CONFIG = 'adapter_config.json';
export const ADAPTER_WEIGHTS = 'adapter_model.safetensors';

const PREFIX = 'base_model.model.';
/** peft leaves the adapter's name out; what others saved may have it. */
const FACTOR = /^(.*)\.lora_(embedding_)?([AB])(?:\.(?:default\.)?weight|\.default)?$/;
/** Parts of variants of LoRA, whose config keys are refused first where they are there. */
const VARIANT = /lora_magnitude_vector|lora_[AB](?:\.default)?\.bias$|\.lora_/;

/** @throws `bad_config`, `bad_safetensors`, `missing_tensor`, and what the readers throw. */
export async function openAdapter(config_source: ByteSource, weights: ByteSource): Promise<Adapter> {
  const config = await readLoraConfig(config_source);
  const { checkpoint } = await openSafetensors([weights]);
  const found = new Map<string, { A?: TensorInfo; B?: TensorInfo; is_embedding: boolean }>();
  const whole = new Map<string, TensorInfo>();
  const bad = (tensor: string, message: string, allowed: string) =>
    new WhittleError({
      code: 'bad_safetensors',
      message,
      place: { file: weights.name, tensor },
      allowed,
      action: 'Merge the adapter with peft (merge_and_unload) and open the result.',
    });
  for (const info of checkpoint.tensors.values()) {
    const path = info.name.startsWith(PREFIX) ? info.name.slice(PREFIX.length) : info.name;
    const [, module, embedding, part] = FACTOR.exec(path) ?? [];
    if (module !== undefined) {
      const pair = found.get(module) ?? { is_embedding: embedding !== undefined };
      found.set(module, { ...pair, [part as 'A' | 'B']: info });
    } else if (VARIANT.test(path)) {
      throw bad(
        info.name,
        'This tensor belongs to a variant of LoRA.',
        'lora_A and lora_B, and weights that were trained whole',
      );
    } else whole.set(path.replace('.modules_to_save.', '.').replace('.base_layer.', '.'), info);
  }
  const factors = [...found].map(([module, { A, B, is_embedding }]): Factors => {
    if (!A || !B) throw bad((A ?? B)!.name, `${module} has one factor without the other.`, 'lora_A and lora_B');
    const [rank, inner] = [A.shape[0], B.shape[1]];
    if (A.shape.length !== 2 || B.shape.length !== 2 || rank !== inner) {
      throw bad(
        A.name,
        `The factors of ${module} are ${A.shape.join(' × ')} and ${B.shape.join(' × ')}.`,
        'rank × in, and out × rank',
      );
    }
    return { module, A, B, is_embedding, scale: config.scaleOf(module, rank) };
  });
  if (factors.length + whole.size === 0)
    throw bad('', 'The adapter holds nothing.', 'lora_A and lora_B of at least one module');
  return { config, weights, checkpoint, factors, whole };
}
