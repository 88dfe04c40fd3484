/**
 * @file A LoRA in PEFT's layout: adapter_config.json and adapter_model.safetensors, which `PeftModel.from_pretrained` loads on
 * the model that it was trained on.
 */
import { WhittleError } from '../../errors/errors.ts';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS } from '../../formats/peft/adapter.ts';
import { type TensorToWrite, writeSafetensors } from '../../formats/safetensors/write.ts';
import { encodeFromFloat } from '../../tensor/half.ts';

export interface AdapterToWrite {
  /** What the base model is called, or where it lies: peft loads that where it is given nothing else. */
  readonly base?: string;
  readonly rank: number;
  /** B·A is scaled by alpha / rank. */
  readonly alpha: number;
  /** Weights are stored as (in, out): GPT-2's. */
  readonly fan_in_fan_out?: boolean;
  readonly factors: readonly TrainedFactors[];
}

export interface TrainedFactors {
  /** Path of the module as transformers names it: "model.layers.0.self_attn.q_proj". */
  readonly module: string;
  /** (rank, in), row-major. */
  readonly A: ArrayLike<number>;
  /** (out, rank), row-major. */
  readonly B: ArrayLike<number>;
}

/**
 * Both files, names as peft wants them; factors in F32.
 * @throws `export_failed` for factors that have no such rank, and none at all.
 */
export async function writeAdapter(
  adapter: AdapterToWrite,
): Promise<{ name: string; bytes: Uint8Array<ArrayBuffer> }[]> {
  const { factors, rank } = adapter;
  if (factors.length === 0) throw failed('The adapter has no factors.');
  const tensors = factors.flatMap(({ module, A, B }): TensorToWrite[] => {
    const tensor = (part: string, values: ArrayLike<number>, shape: [number, number]): TensorToWrite => {
      if (!shape.every((size) => Number.isInteger(size) && size > 0)) {
        throw failed(`${module} has ${values.length} numbers in ${part}, which is no matrix of rank ${rank}.`);
      }
      const name = `base_model.model.${module}.${part}.weight`;
      return { name, dtype: 'F32', shape, chunks: () => [encodeFromFloat(values, 'F32')] };
    };
    return [tensor('lora_A', A, [rank, A.length / rank]), tensor('lora_B', B, [B.length / rank, rank])];
  });
  const config = new TextEncoder().encode(`${JSON.stringify(configOf(adapter), null, 2)}\n`);
  const blob = new Blob(await collect(writeSafetensors(tensors, { format: 'pt' })));
  return [
    { name: ADAPTER_CONFIG, bytes: config },
    { name: ADAPTER_WEIGHTS, bytes: new Uint8Array(await blob.arrayBuffer()) },
  ];
}

/** Modules are named in full: a shorter name could match others. */
function configOf({ base, rank, alpha, fan_in_fan_out = false, factors }: AdapterToWrite) {
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base ?? null,
    inference_mode: true,
    r: rank,
    lora_alpha: alpha,
    lora_dropout: 0,
    bias: 'none',
    fan_in_fan_out,
    use_rslora: false,
    use_dora: false,
    init_lora_weights: true,
    modules_to_save: null,
    target_modules: factors.map(({ module }) => module),
  };
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array<ArrayBuffer>[]> {
  const all: Uint8Array<ArrayBuffer>[] = [];
  for await (const chunk of chunks) all.push(Uint8Array.from(chunk));
  return all;
}

function failed(message: string): WhittleError {
  return new WhittleError({ code: 'export_failed', message, place: { file: ADAPTER_WEIGHTS } });
}
