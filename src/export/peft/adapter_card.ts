/** @file README.md of an exported adapter: which model it belongs to, how good it is with that, how to load it. */
import { bosText } from '../../formats/tokenizer/bos.ts';
import { type CardFacts, plain, yamlText } from '../model_card.ts';

export interface AdapterCardFacts
  extends Pick<
    CardFacts,
    'name' | 'base_model' | 'license' | 'license_name' | 'license_link' | 'protocol' | 'version'
  > {
  /** The recipe of the base; absent: the model as it was opened. */
  base_recipe?: string;
  /** The base was held in NF4 while the adapter learnt. */
  is_nf4: boolean;
  /** transformers opens the base as its family's own. */
  is_dense_family: boolean;
  /** The step that trained it: "heal:loss=kl,steps=100". */
  step: string;
  rank: number;
  alpha: number;
  parameters: number;
  dense_perplexity: number;
  /** Of base and adapter, opened from the files. */
  perplexity: number;
  notes: readonly string[];
}

export function adapterCard(facts: AdapterCardFacts): string {
  return `${[frontMatter(facts), what(facts), quality(facts), loading(facts), made(facts)].join('\n\n')}\n`;
}

/** Which model the factors are added to, for people. */
export function baseText({
  name,
  base_recipe,
  is_nf4,
}: Pick<AdapterCardFacts, 'name' | 'base_recipe' | 'is_nf4'>): string {
  const of = base_recipe === undefined ? name : `${name}, compressed by ${base_recipe}`;
  return is_nf4 ? `${of}, in NF4` : of;
}

function frontMatter({ base_model, base_recipe, license, license_name, license_link, step }: AdapterCardFacts): string {
  const lines = [
    'library_name: peft',
    'pipeline_tag: text-generation',
    license && `license: ${yamlText(license)}`,
    license_name && `license_name: ${yamlText(license_name)}`,
    license_link && `license_link: ${yamlText(license_link)}`,
    base_model && `base_model: ${yamlText(base_model)}`,
    base_model && base_recipe === undefined && 'base_model_relation: adapter',
    'tags:',
    ...['whittle', 'lora', step.split(':')[0]].map((tag) => `- ${tag}`),
  ];
  return ['---', ...lines.filter(Boolean), '---'].join('\n');
}

function what(facts: AdapterCardFacts): string {
  const { base_recipe, is_nf4, step, rank, alpha, parameters } = facts;
  const name = plain(facts.name);
  const origin =
    base_recipe === undefined
      ? 'The base is the model as it was opened; nothing was done to it before.'
      : `The base is what the recipe \`${base_recipe}\` makes of ${name}: export that run from Whittle (as safetensors) and keep it beside this folder. On any other model, the original included, the factors mean nothing.`;
  const form = is_nf4
    ? ' While it learnt, the linears of the base were held in 4-bit NormalFloat (blocks of 64, scales quantised again): load the base so (bitsandbytes, `nf4`, double quantisation) for the figures below; on unrounded weights they differ.'
    : '';
  return [
    `# ${name}: an adapter`,
    '',
    `Low-rank factors (LoRA) of rank ${rank}, alpha ${alpha}, ${parameters.toLocaleString('en')} numbers, learnt by \`${step}\`. They hold no model.`,
    '',
    `${origin}${form}`,
  ].join('\n');
}

function quality({ protocol, dense_perplexity, perplexity }: AdapterCardFacts): string {
  const { seqlen, eval_samples, evaluation, bos } = protocol;
  return [
    '## Quality',
    '',
    '| | perplexity |',
    '| --- | ---: |',
    `| original | ${dense_perplexity.toPrecision(5)} |`,
    `| base with this adapter | ${perplexity.toPrecision(5)} |`,
    '',
    `Perplexity over ${eval_samples} windows of ${seqlen} tokens of ${plain(evaluation.name)}: exp(mean of −log p), ${seqlen - 1} predictions a window, ${bosText(bos)}. The second is of these very files, opened again with their base.`,
  ].join('\n');
}

function loading({ is_dense_family, notes }: AdapterCardFacts): string {
  const listed = notes.flatMap((note) => ['', note]);
  const whittle =
    'Whittle merges it as it opens both: drop the two folders on the page together, or give `--model BASE --adapter THIS-FOLDER`.';
  if (!is_dense_family) {
    return [
      '## How to load',
      '',
      `The base has shapes that transformers' classes do not have, so peft cannot load it. ${whittle}`,
      ...listed,
    ].join('\n');
  }
  return [
    ...['## How to load', '', 'With peft:', '', '```python'],
    ...['from peft import PeftModel', 'from transformers import AutoModelForCausalLM', ''],
    ...[
      'base = AutoModelForCausalLM.from_pretrained("base-folder")',
      'model = PeftModel.from_pretrained(base, "this-folder")',
    ],
    ...['```', '', whittle, ...listed],
  ].join('\n');
}

function made({ version }: AdapterCardFacts): string {
  return `Made with Whittle ${version}.`;
}
