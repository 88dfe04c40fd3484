/**
 * @file In which form weights are stored that are not there under their own names: told by the names and types that are.
 * For errors only, so that they say what the files are and not merely what they lack.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { Checkpoint, TensorInfo } from '../../formats/checkpoint.ts';

interface Form {
  /** "The weights are …" */
  readonly what: string;
  readonly matches: (tensor: TensorInfo) => boolean;
  readonly action?: string;
  /** False for forms whose weights are complete, and only under other names. */
  readonly is_quantised?: boolean;
}

const named = (pattern: RegExp) => (tensor: TensorInfo) => pattern.test(tensor.name);

const MERGE =
  'Merge the adapter into the model (peft: model.merge_and_unload(), then save_pretrained), and open the result.';

const SETTINGS =
  'Add the file that says how they are packed (quantize_config.json, quant_config.json, or a config.json with quantization_config), or open the unquantised version of the model, or a GGUF of it.';

/** Names that are no form of another weight but another format's. */
const CONSOLIDATED: Form = {
  what: "under the names of Meta's and Mistral's own format (consolidated), not of transformers",
  matches: named(/(^|\.)layers\.\d+\.(attention\.w[qkvo]|feed_forward\.w[123])\.weight$/),
  action: 'Open the version of the model with model.safetensors (or shards of it), or convert it with transformers.',
  is_quantised: false,
};

/** The most telling first. */
const FORMS: readonly Form[] = [
  {
    what: 'those of an adapter (LoRA) that is not merged into the model',
    matches: named(/\.lora_(A|B|embedding_A|embedding_B|magnitude_vector)(\.|$)/),
    action: MERGE,
    is_quantised: false,
  },
  {
    what: 'those of an adapter that is not merged into the model',
    matches: named(/\.base_layer\.(weight|bias)$|\.(original_module|modules_to_save)\./),
    action: MERGE,
    is_quantised: false,
  },
  {
    what: 'quantised to NF4 or FP4 by bitsandbytes',
    matches: named(/\.quant_state\.bitsandbytes__\w+$|\.weight\.(absmax|nested_absmax|quant_map)$/),
  },
  { what: 'quantised to 8-bit integers by bitsandbytes', matches: named(/\.SCB$/) },
  {
    what: 'quantised by GPTQ (packed integers, qweight with g_idx)',
    matches: named(/\.g_idx$/),
    action: SETTINGS,
  },
  { what: 'quantised by EXL2', matches: named(/\.(q_invperm|q_scale_max|q_groups)$/) },
  { what: 'quantised by EXL3 or QTIP', matches: named(/\.(trellis|suh|svh)$/) },
  { what: 'quantised by HQQ', matches: named(/\.W_q$/) },
  { what: 'quantised by AQLM or VPTQ (codebooks)', matches: named(/\.(codebooks|codes|centroids)(\.|$)/) },
  {
    what: 'quantised to packed integers (qweight: AWQ or GPTQ)',
    matches: named(/\.qweight$/),
    action: SETTINGS,
  },
  {
    what: 'quantised to MXFP4 (blocks of 32 with a shared exponent)',
    matches: (t) => t.dtype === 'U8' && /_(blocks|scales)$/.test(t.name),
  },
  {
    what: 'quantised to NVFP4 (blocks of 16 with an F8 scale)',
    matches: (t) => /\.weight_(scale_2|global_scale)$/.test(t.name),
  },
  { what: 'quantised and packed by compressed-tensors', matches: named(/\.weight_(packed|shape|zero_point)$/) },
  {
    what: 'quantised for MLX (packed integers with scales and biases)',
    matches: (t) => t.dtype === 'U32' && /\.weight$/.test(t.name),
  },
  {
    what: 'quantised by Quanto or torchao',
    matches: named(/\.weight\._(data|scale|shift)$|\.weight:_?\w+$|_weight_(qdata|scale)$/),
  },
  { what: 'quantised by SpQR or GGUF-like blocks', matches: named(/\.(dense_weights|row_offsets|col_vals)$/) },
  { what: 'quantised to codes in bytes', matches: (t) => /^[UI]8$/.test(t.dtype) && /\.weight$/.test(t.name) },
  {
    what: 'kept in two parts by torch (weight_norm, or pruning that was not made permanent)',
    matches: named(/\.(weight_[gv]|weight_orig|weight_mask|parametrizations\.\w+\.\w+)$/),
    action:
      'Remove the parametrisation (torch.nn.utils.prune.remove, remove_parametrizations) and save the model again.',
    is_quantised: false,
  },
  CONSOLIDATED,
];

const ALLOWED = 'weights in F32, F16, BF16 or F64, or in F8 with their scales, each under its own name';

/** Runs `build`; where it fails for a tensor, what the files hold comes before what they lack. */
export function explainForm<T>(checkpoint: Checkpoint, build: () => T): T {
  try {
    return build();
  } catch (error) {
    const ofTensor = error instanceof WhittleError && error.place.tensor !== undefined;
    throw (ofTensor && recogniseForm(checkpoint)) || error;
  }
}

/** What the weights are, where that explains why they cannot be read; undefined for plain floats under plain names. */
export function recogniseForm(checkpoint: Checkpoint): WhittleError | undefined {
  for (const { what, matches, action, is_quantised = true } of FORMS) {
    for (const tensor of checkpoint.tensors.values()) {
      if (!matches(tensor)) continue;
      return new WhittleError({
        code: is_quantised ? 'unsupported_dtype' : 'not_a_model',
        message: `The weights are ${what}: ${tensor.name} is ${tensor.stored?.dtype ?? tensor.dtype}.`,
        place: { file: tensor.file, tensor: tensor.name },
        allowed: ALLOWED,
        action: action ?? 'Open the original, unquantised version of the model, or a GGUF of it.',
      });
    }
  }
  return undefined;
}
