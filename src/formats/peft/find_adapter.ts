/** @file The files of a LoRA among those of its base model: beside them, or in a folder of its own. */
import { WhittleError } from '../../errors/errors.ts';
import type { ModelFile } from '../hf/files.ts';
import { blobSource } from '../source.ts';
import { ADAPTER_CONFIG, ADAPTER_WEIGHTS, type Adapter, openAdapter } from './adapter.ts';

const split = (path: string) => /^(?:(.*)[/\\])?([^/\\]*)$/.exec(path)!.slice(1) as [string | undefined, string];

/** What shows that a folder holds a model, too. GGUF has its config inside, a folder of onnxruntime-genai its own. */
const BASE = /(?:^config\.json|\.gguf|\.onnx)$/;

/** What is left is the base model's: what lies beside an adapter alone in a folder is not (its tokenizer). */
export async function takeAdapter(
  files: readonly ModelFile[],
): Promise<{ base: readonly ModelFile[]; adapter?: Adapter }> {
  const placed = files.map((file) => {
    const [folder = '', name] = split(file.path);
    return { file, folder, name };
  });
  const configs = placed.filter(({ name }) => name === ADAPTER_CONFIG);
  if (configs.length === 0) return { base: files };
  if (configs.length > 1) {
    throw new WhittleError({
      code: 'not_a_model',
      message: `Several adapters were given: ${configs.map(({ folder }) => folder || 'the files at the top').join(', ')}.`,
      place: { file: ADAPTER_CONFIG },
      allowed: 'one adapter with its base model',
      action:
        'Open one of them. To have several in one, merge the first, export the model, and open that with the next.',
    });
  }
  const [{ folder, file: config }] = configs;
  const weights = placed.find((other) => other.folder === folder && other.name === ADAPTER_WEIGHTS);
  const isBeside = placed.some((other) => other.folder === folder && BASE.test(other.name));
  const isOfAdapter = (other: (typeof placed)[number]) =>
    other.folder === folder && (!isBeside || other.name.startsWith('adapter_'));
  const base = placed.filter((other) => !isOfAdapter(other)).map(({ file }) => file);
  if (base.length === 0) return { base: files };
  if (!weights) {
    throw new WhittleError({
      code: 'not_a_model',
      message: `There is no ${ADAPTER_WEIGHTS} beside ${ADAPTER_CONFIG}.`,
      place: { file: ADAPTER_CONFIG },
      allowed: `${ADAPTER_CONFIG} and ${ADAPTER_WEIGHTS}`,
      action: 'Save the adapter as safetensors: with peft, model.save_pretrained(folder, safe_serialization=True).',
    });
  }
  const adapter = await openAdapter(
    blobSource(ADAPTER_CONFIG, config.blob),
    blobSource(ADAPTER_WEIGHTS, weights.file.blob),
  );
  return { base, adapter };
}
