/** @file A few lines that run an exported file where its format is for. Pure. */
import { transformersDtype } from '../../engine/export/options.ts';
import type { ExportedFile } from '../../engine/protocol.ts';
import type { ExportChoice } from './exports.ts';

export interface HowToRun {
  /** "With llama.cpp". */
  title: string;
  lines: readonly string[];
}

/** Written beside weights whose shapes only Whittle knows. */
const WHITTLES_OWN = 'slicing_config.json';

/**
 * @param files Of the export: the lines name what is there.
 * @param folder Its name, as the archive unpacks.
 */
export function howToRun(
  { format, precision }: ExportChoice,
  files: readonly Pick<ExportedFile, 'name'>[],
  folder: string,
): HowToRun {
  switch (format) {
    case 'onnx':
      return {
        title: 'With onnxruntime (pip install onnxruntime)',
        lines: [
          'import numpy as np, onnxruntime as ort',
          `session = ort.InferenceSession("${folder}/${fileOf(files, '.onnx')}")`,
          'logits, = session.run(["logits"], {"input_ids": np.array([[1, 2, 3]])})',
        ],
      };
    case 'transformers.js':
      return {
        title: 'With transformers.js (npm install @huggingface/transformers)',
        lines: [
          "import { env, pipeline } from '@huggingface/transformers';",
          "Object.assign(env, { allowLocalModels: true, localModelPath: './' });",
          `const write = await pipeline('text-generation', '${folder}', { dtype: '${transformersDtype(precision)}' });`,
          "console.log(await write('Once upon a time', { max_new_tokens: 32 }));",
        ],
      };
    case 'gguf':
      return {
        title: 'With llama.cpp',
        lines: [`llama-cli -m ${folder}/${fileOf(files, '.gguf')} -p "Once upon a time" -n 32`],
      };
    case 'peft':
      return {
        title: 'With peft (pip install peft), on the model before the training',
        lines: [
          'from transformers import AutoModelForCausalLM',
          'from peft import PeftModel',
          'base = AutoModelForCausalLM.from_pretrained("the-model-before")',
          `model = PeftModel.from_pretrained(base, "${folder}")`,
        ],
      };
    default:
      if (files.some(({ name }) => name === WHITTLES_OWN))
        return {
          title: 'With Whittle, whose shapes it has: drop the folder here, or',
          lines: [`npm run slice -- --model ${folder} --format onnx`],
        };
      return {
        title: `With transformers (pip install transformers${NEEDS[format]})`,
        lines: [
          'from transformers import AutoModelForCausalLM, AutoTokenizer',
          `model, tokenizer = (kind.from_pretrained("${folder}") for kind in (AutoModelForCausalLM, AutoTokenizer))`,
          'text = model.generate(**tokenizer("Once upon a time", return_tensors="pt"), max_new_tokens=32)',
          'print(tokenizer.decode(text[0]))',
        ],
      };
  }
}

const NEEDS = { safetensors: '', 'compressed-tensors': ' compressed-tensors', gptq: ' gptqmodel' } as const;

function fileOf(files: readonly Pick<ExportedFile, 'name'>[], ending: string): string {
  return files.find(({ name }) => name.endsWith(ending))?.name ?? `model${ending}`;
}

const WEIGHTS = /\.(?:onnx|onnx_data\S*|onnx\.data\S*|safetensors|gguf)$/;

/** Those that a person compares: of the weights, the largest first. */
export function weightFiles<File extends Pick<ExportedFile, 'name' | 'bytes'>>(files: readonly File[]): File[] {
  return files.filter(({ name }) => WEIGHTS.test(name)).sort((a, b) => b.bytes - a.bytes);
}
