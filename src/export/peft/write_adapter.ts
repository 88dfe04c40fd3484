/**
 * @file A LoRA in PEFT's layout: adapter_config.json and adapter_model.safetensors, which `PeftModel.from_pretrained` loads on
 * the model that it was trained on.
 */
import { WhittleError } from '../../errors/errors.ts';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS } from '../../formats/peft/adapter.ts';
import { type TensorToWrite, writeSafetensors } from '../../formats/safetensors/write.ts';
import type { FileSink, WrittenFile } from '../../formats/sink.ts';
import { encodeFromFloat } from '../../tensor/half.ts';
import { writeFile } from '../write_file.ts';

export interface AdapterToWrite {
  /** What the base model is called, or where it lies: peft loads that where it is given nothing else. */
  readonly base?: string;
  readonly rank: number;
  /** B·A is scaled by alpha / rank. */
  readonly alpha: number;
  /** Weights are stored as (in, out): GPT-2's. */
  readonly fan_in_fan_out?: boolean;
  readonly factors: readonly ModuleFactors[];
}

export interface ModuleFactors {
  /** Path of the module as transformers names it: "model.layers.0.self_attn.q_proj". */
  readonly module: string;
  /** Where it is another than the adapter's: the scale alpha / rank stays the adapter's all the same. */
  readonly rank?: number;
  /** (rank, in). */
  readonly A: FactorMatrix;
  /** (out, rank). */
  readonly B: FactorMatrix;
}

export interface FactorMatrix {
  readonly shape: readonly [number, number];
  /** Row-major; asked for once, when its turn comes. */
  read(): Promise<ArrayLike<number>>;
}

/**
 * Both files, named as peft wants them; factors in F32, one matrix in memory at a time. Opened sinks are closed, also after a failure.
 * @throws `export_failed` for factors that have no such rank, and none at all; what reading them and the sinks throw.
 */
export async function writeAdapter(
  adapter: AdapterToWrite,
  openFile: (name: string) => Promise<FileSink>,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<{ files: WrittenFile[] }> {
  const { factors } = adapter;
  if (factors.length === 0) throw failed('The adapter has no factors.');
  const tensors = factors.flatMap((each) => tensorsOf(each, each.rank ?? adapter.rank));
  const config = new TextEncoder().encode(`${JSON.stringify(configOf(adapter), null, 2)}\n`);
  let done = 0;
  const add = (bytes: number) => {
    done += bytes;
    onBytes(done);
  };
  return {
    files: [
      await writeFile(openFile, ADAPTER_CONFIG, [config]),
      await writeFile(openFile, ADAPTER_WEIGHTS, writeSafetensors(tensors, { format: 'pt' }), { onBytes: add }),
    ],
  };
}

function tensorsOf({ module, A, B }: ModuleFactors, rank: number): TensorToWrite[] {
  if (A.shape[0] !== rank || B.shape[1] !== rank) {
    throw failed(
      `${module} has factors of ${A.shape.join(' × ')} and ${B.shape.join(' × ')}, which are not of rank ${rank}.`,
    );
  }
  const tensor = (part: string, { shape, read }: FactorMatrix): TensorToWrite => ({
    ...{ name: `base_model.model.${module}.${part}.weight`, dtype: 'F32', shape },
    async *chunks() {
      yield encodeFromFloat(await read(), 'F32');
    },
  });
  return [tensor('lora_A', A), tensor('lora_B', B)];
}

/** Modules are named in full: a shorter name could match others. */
function configOf({ base, rank, alpha, fan_in_fan_out = false, factors }: AdapterToWrite) {
  const others = factors.filter((each) => (each.rank ?? rank) !== rank);
  // peft takes a key as a regular expression.
  const pattern = (value: (own: number) => number) =>
    Object.fromEntries(others.map(({ module, rank: own = rank }) => [module.replaceAll('.', '\\.'), value(own)]));
  return {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: base ?? null,
    inference_mode: true,
    r: rank,
    lora_alpha: alpha,
    rank_pattern: pattern((own) => own),
    alpha_pattern: pattern((own) => (alpha * own) / rank),
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

function failed(message: string): WhittleError {
  return new WhittleError({ code: 'export_failed', message, place: { file: ADAPTER_WEIGHTS } });
}
