/**
 * @file README.md of an exported folder: what the model is, how good it is by which measure, and how to load it. Front
 * matter as Hugging Face's model cards have it (huggingface.co/docs/hub/model-cards).
 */
import { type BosMode, bosText } from '../formats/tokenizer/bos.ts';
import { baseName, modelFile, transformersDtype } from './file_names.ts';
import type { Layout } from './graph/positions.ts';
import type { Precision } from './precision.ts';

export interface CardFacts {
  /** For people: "SmolLM2-135M". */
  name: string;
  /** `owner/name` on the Hugging Face Hub, where it is known. */
  base_model?: string;
  /** Id of the base model's licence on the Hub ("apache-2.0", "other"), where it is known. */
  license?: string;
  license_name?: string;
  license_link?: string;
  /** The form of the file; absent for ONNX, whose graph is `layout`. */
  format?: 'safetensors' | 'gguf';
  /** Of safetensors: transformers opens them as the family's own. */
  is_dense_family?: boolean;
  layout: Layout;
  precision: Precision;
  /** Paths in the folder, the model file among them. */
  files: readonly { name: string; bytes: number }[];
  parameters: number;
  dense: { parameters: number; perplexity: number };
  /** Of exactly this file. */
  perplexity: number;
  /** What SliceGPT did; absent for the model as it was opened. */
  slicing?: { sparsity: number; dimension: number; head: string; schedule: string; fusion: string };
  /** What a recipe other than one slicing did. */
  recipe?: {
    text: string;
    /** In the order of the recipe, each once: "GPTQ", "arXiv 2210.17323". */
    methods: readonly { name: string; label: string; paper?: string; is_quantising: boolean }[];
    /** Bytes of the weights over the dense model's parameters. */
    bits_per_weight: number;
    /** From the dense model over the evaluation windows. */
    kl_divergence?: number;
    top1_agreement?: number;
  };
  /** The oldest version that runs it. */
  needs_onnxruntime: string;
  /** Where exactly this file was run: "onnxruntime-web 1.30.0 (wasm)". */
  runtimes: readonly string[];
  /** What a reader must know before using it, each a sentence. */
  notes?: readonly string[];
  /** How perplexity and calibration were measured. */
  protocol: {
    seqlen: number;
    samples: number;
    eval_samples: number;
    bos: BosMode;
    calibration: { name: string };
    evaluation: { name: string };
  };
  /** What opening the source found odd. */
  warnings?: readonly string[];
  /** Of Whittle. */
  version: string;
}

const HUB_NAME = /^[\w.-]+\/[\w.-]+$/;

export function modelCard(facts: CardFacts): string {
  const sections = [
    frontMatter(facts),
    summary(facts),
    quality(facts),
    ...warnings(facts),
    loading(facts),
    files(facts),
  ];
  return `${sections.join('\n\n')}\n`;
}

function frontMatter(facts: CardFacts): string {
  const { base_model, license, license_name, license_link, precision, slicing, recipe } = facts;
  const quantising = recipe?.methods.some(({ is_quantising }) => is_quantising) ?? false;
  const tags = [
    'whittle',
    ...(facts.format ? [facts.format] : ['onnx']),
    ...(slicing ? ['slicegpt', 'pruned'] : []),
    ...(recipe?.methods.map(({ name }) => name) ?? []),
    ...(quantising ? ['quantized'] : quantizedTag(precision)),
  ];
  const lines = [
    libraryName(facts),
    'pipeline_tag: text-generation',
    license && `license: ${yamlText(license)}`,
    license_name && `license_name: ${yamlText(license_name)}`,
    license_link && `license_link: ${yamlText(license_link)}`,
    base_model && `base_model: ${yamlText(base_model)}`,
    base_model && (quantising || (isQuantized(precision) && !slicing)) && 'base_model_relation: quantized',
    'tags:',
    ...tags.map((tag) => `- ${tag}`),
  ];
  return ['---', ...lines.filter(Boolean), '---'].join('\n');
}

function libraryName({ format, layout, is_dense_family }: CardFacts): string | undefined {
  if (format === 'gguf') return 'library_name: gguf';
  if (format === 'safetensors') return is_dense_family ? 'library_name: transformers' : undefined;
  return layout === 'kv_cache' ? 'library_name: transformers.js' : 'library_name: onnx';
}

function summary(facts: CardFacts): string {
  const { slicing, recipe, precision, base_model } = facts;
  const isOnHub = base_model !== undefined && HUB_NAME.test(base_model);
  const origin = isOnHub ? `[${plain(facts.name)}](https://huggingface.co/${base_model})` : plain(facts.name);
  const share = percent(1 - facts.parameters / facts.dense.parameters);
  const done = slicing
    ? `${origin} sliced by SliceGPT ([arXiv 2401.15024](https://arxiv.org/abs/2401.15024)) at a sparsity of ${percent(slicing.sparsity)}: hidden dimension ${slicing.dimension}, ${share} fewer parameters.`
    : recipe
      ? `${origin} compressed by ${joined(recipe.methods.map(methodText))}: ${recipe.bits_per_weight.toFixed(2)} bits for each parameter of the original. The recipe is \`${recipe.text}\`.`
      : `${origin} as ${facts.format === 'gguf' ? 'GGUF' : (facts.format ?? 'ONNX')}.`;
  return [
    `# ${plain(facts.name)}${slicing ? `, sliced ${percent(slicing.sparsity)}` : recipe ? ', compressed' : ''}`,
    `${done} ${recipe ? unpacked(facts) : facts.format && precision === 'f16' ? 'Matrices are f16, vectors f32.' : NUMBERS[precision]}`,
  ].join('\n\n');
}

/** "GPTQ ([arXiv 2210.17323](…))". */
function methodText({ label, paper }: NonNullable<CardFacts['recipe']>['methods'][number]): string {
  const [, id] = /^arXiv (\d{4}\.\d{4,5})$/.exec(paper ?? '') ?? [];
  if (id) return `${label} ([arXiv ${id}](https://arxiv.org/abs/${id}))`;
  return paper ? `${label} (${paper})` : label;
}

function joined(parts: readonly string[]): string {
  return parts.length > 1 ? `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}` : parts.join('');
}

/** Precision is only said of what no step packed. */
function unpacked({ precision }: CardFacts): string {
  return precision === 'stored'
    ? 'What no step packed has the types of the original.'
    : `What no step packed is stored as ${precision}.`;
}

const NUMBERS: Record<Precision, string> = {
  stored: 'Weights have the types of the original.',
  f32: 'Weights are f32.',
  f16: 'Matrices are f16; the graph computes in f32.',
  int8: 'Matrices have 8 bits, in blocks of 32 that share a scale; the graph computes in f32.',
  int4: 'Matrices have 4 bits, in blocks of 32 that share a scale and a zero point (shortcuts of a sliced model: 16); an embedding that is not the head as well has 8. The graph computes in f32.',
};

function quality({ dense, perplexity, parameters, protocol, slicing, recipe }: CardFacts): string {
  const { seqlen, samples, eval_samples } = protocol;
  const calibration = slicing
    ? ` Calibrated on ${samples} windows of ${plain(protocol.calibration.name)}; head ${slicing.head}, schedule ${slicing.schedule}, fusion ${slicing.fusion}.`
    : recipe
      ? ` Calibrated on ${samples} windows of ${plain(protocol.calibration.name)}.${divergenceText(recipe)}`
      : '';
  return [
    '## Quality',
    '',
    '| | parameters | perplexity |',
    '| --- | ---: | ---: |',
    `| original | ${count(dense.parameters)} | ${dense.perplexity.toPrecision(5)} |`,
    `| this file | ${count(parameters)} | ${perplexity.toPrecision(5)} |`,
    '',
    `Perplexity over ${eval_samples} windows of ${seqlen} tokens of ${plain(protocol.evaluation.name)}: exp(mean of −log p), ${seqlen - 1} predictions a window, ${bosText(protocol.bos)}. Figures of another text, tokenizer or window cannot be compared with these.${calibration}`,
  ].join('\n');
}

function divergenceText({ kl_divergence, top1_agreement }: NonNullable<CardFacts['recipe']>): string {
  if (kl_divergence === undefined || top1_agreement === undefined) return '';
  return ` The KL divergence from the original is ${kl_divergence.toPrecision(2)} nats a token; the most likely token is the same in ${percent(top1_agreement)}.`;
}

/** Nothing where there is nothing to warn of. */
function warnings({ warnings: found = [] }: CardFacts): string[] {
  if (found.length === 0) return [];
  const listed = found.map((warning) => `- ${escaped(warning)}`);
  return [['## Warnings', '', 'What was noticed when the original was opened:', '', ...listed].join('\n')];
}

function loading(facts: CardFacts): string {
  if (!facts.format) return loadingOnnx(facts);
  const notes = (facts.notes ?? []).flatMap((note) => [note, '']);
  return ['## How to load', '', ...notes, ...weightsLoading(facts)].join('\n');
}

/** Weights without a graph: what opens them has it. */
function weightsLoading({ format, is_dense_family, files: listed }: CardFacts): string[] {
  if (format === 'gguf') {
    const file = listed.find(({ name }) => name.endsWith('.gguf'))?.name ?? 'model.gguf';
    return ['With llama.cpp:', '', '```sh', `llama-cli -m ${file} -p "Once upon a time" -n 32`, '```'];
  }
  if (!is_dense_family) {
    return [
      "The shapes are none that transformers' classes have (`model_type` is `whittle`). Whittle opens the folder again: drop it on the page, or name it with `--model`. `config.json` describes every part of the model (`whittle.decoder`).",
    ];
  }
  return [
    'With transformers:',
    '',
    '```python',
    'from transformers import AutoModelForCausalLM, AutoTokenizer',
    '',
    'model = AutoModelForCausalLM.from_pretrained("this-folder")',
    'tokenizer = AutoTokenizer.from_pretrained("this-folder")',
    '```',
  ];
}

function loadingOnnx({ layout, precision, needs_onnxruntime, runtimes, notes = [] }: CardFacts): string {
  const path = modelFile(layout, precision);
  const verified = runtimes.length > 0 ? ` This very file was run in ${runtimes.join(' and ')}.` : '';
  const needs = [`It needs ONNX Runtime ${needs_onnxruntime} or newer.${verified}`, ''];
  for (const note of notes) needs.push(note, '');
  const runtime = [
    'With onnxruntime-web:',
    '',
    '```js',
    "import * as ort from 'onnxruntime-web';",
    '',
    `const session = await ort.InferenceSession.create('${path}');`,
    layout === 'kv_cache'
      ? '// Inputs: input_ids, attention_mask, position_ids, past_key_values.N.key/value; outputs: logits, present.N.key/value.'
      : '// Input: input_ids, int64 [batch, sequence]; output: logits, f32 [batch, sequence, vocabulary].',
    '```',
  ];
  if (layout === 'plain') return ['## How to load', '', ...needs, ...runtime].join('\n');
  return [
    '## How to load',
    '',
    ...needs,
    'With transformers.js, from a folder that your page or program can reach:',
    '',
    '```js',
    "import { env, pipeline } from '@huggingface/transformers';",
    '',
    'env.allowLocalModels = true;',
    "env.localModelPath = '/models/'; // this folder is /models/this-model/",
    `const generator = await pipeline('text-generation', 'this-model', { dtype: '${transformersDtype(precision)}' });`,
    "console.log(await generator('Once upon a time', { max_new_tokens: 32 }));",
    '```',
    '',
    ...runtime,
  ].join('\n');
}

function files(facts: CardFacts): string {
  const listed = facts.files.map(({ name, bytes }) => `- \`${name}\` (${count(bytes)} bytes)`);
  return ['## Files', '', ...listed, '', `Written by Whittle ${facts.version}; \`report.json\` has all figures.`].join(
    '\n',
  );
}

function isQuantized(precision: Precision): boolean {
  return precision === 'int8' || precision === 'int4';
}

function quantizedTag(precision: Precision): string[] {
  return isQuantized(precision) ? ['quantized', `${precision === 'int8' ? 8 : 4}-bit`] : [];
}

function percent(share: number): string {
  return `${Number((100 * share).toFixed(1))} %`;
}

function count(value: number): string {
  return value.toLocaleString('en-GB');
}

/** A name from outside, on one line and without Markdown or HTML of its own. */
export function plain(text: string): string {
  return escaped(baseName(text));
}

function escaped(text: string): string {
  return text.replace(/[\r\n]+/g, ' ').replace(/[<>`*_[\]|#\\]/g, '\\$&');
}

/** JSON strings are YAML strings. */
export function yamlText(text: string): string {
  return JSON.stringify(text);
}
