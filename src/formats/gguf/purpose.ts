/** @file What a GGUF file is when it is not a language model: the format also carries adapters, statistics, image encoders. */
import { WhittleError } from '../../errors/errors.ts';
import type { GgufTensor } from './header.ts';
import type { GgufMetadata } from './metadata.ts';

interface Purpose {
  /** After "The file is". */
  readonly what: string;
  readonly action: string;
  readonly matches: (file: {
    metadata: GgufMetadata;
    type?: string;
    architecture?: string;
    names: string[];
  }) => boolean;
}

const PURPOSES: readonly Purpose[] = [
  {
    what: 'an adapter (LoRA), which changes another model and holds no model itself',
    action:
      "Open the model that it was trained for; to have both in one, merge them with llama.cpp's llama-export-lora and open the result.",
    matches: ({ metadata, type, names }) =>
      type === 'adapter' || metadata.has('adapter.type') || names.some((name) => /\.lora_[ab]$/.test(name)),
  },
  {
    what: 'an importance matrix: sums of activations that llama-quantize reads',
    action: 'Open the model itself. Whittle measures what it needs from the calibration text.',
    matches: ({ metadata, type, names }) =>
      type === 'imatrix' ||
      metadata.keys().some((key) => key.startsWith('imatrix.')) ||
      (names.length > 0 && names.every((name) => /\.(in_sum2|counts)$/.test(name))),
  },
  {
    what: 'the part of a model that reads images or sound (mmproj), not the language model',
    action: 'Open the .gguf of the language model that lies beside it.',
    matches: ({ metadata, type, architecture }) =>
      type === 'mmproj' || architecture === 'clip' || metadata.has('clip.has_vision_encoder'),
  },
  {
    what: 'a control vector, which is added to the states of another model',
    action: 'Open the model that it was made for.',
    matches: ({ architecture, names }) =>
      architecture === 'controlvector' || (names.length > 0 && names.every((name) => /^direction\.\d+$/.test(name))),
  },
];

/** `general.type` of a language model; absent in files before 2024. */
const MODEL_TYPE = 'model';

/** Throws `not_a_model` where the file says that it is something else, or holds nothing but something else's tensors. */
export function refuseOtherPurposes(metadata: GgufMetadata, tensors: readonly GgufTensor[]): void {
  const type = textOf(metadata, 'general.type');
  const architecture = textOf(metadata, 'general.architecture');
  const names = tensors.map(({ name }) => name);
  const found = PURPOSES.find(({ matches }) => matches({ metadata, type, architecture, names }));
  if (!found && (type === undefined || type === MODEL_TYPE)) return;
  throw new WhittleError({
    code: 'not_a_model',
    message: found
      ? `The file is ${found.what}.`
      : `general.type is ${metadata.show('general.type')}, so the file is no model.`,
    place: { file: metadata.file, field: metadata.has('general.type') ? 'general.type' : 'general.architecture' },
    allowed: `a language model (general.type "${MODEL_TYPE}", or no such key)`,
    action: found?.action ?? 'Open the file of the language model.',
  });
}

function textOf(metadata: GgufMetadata, key: string): string | undefined {
  const value = metadata.get(key);
  return value?.type === 'string' ? String(value.value) : undefined;
}
