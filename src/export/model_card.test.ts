import { describe, expect, it } from 'vitest';
import { type CardFacts, modelCard } from './model_card.ts';

const FACTS: CardFacts = {
  name: 'SmolLM2-135M',
  base_model: 'HuggingFaceTB/SmolLM2-135M',
  license: 'apache-2.0',
  layout: 'kv_cache',
  precision: 'int4',
  files: [{ name: 'onnx/model_q4.onnx', bytes: 81_234_567 }],
  parameters: 110_000_000,
  dense: { parameters: 134_515_008, perplexity: 14.2341 },
  perplexity: 18.76543,
  needs_onnxruntime: '1.23',
  runtimes: ['onnxruntime-web 1.31.0 (webgpu)'],
  slicing: { sparsity: 0.25, dimension: 432, head: 'tied', schedule: 'constant', fusion: 'exact' },
  protocol: {
    seqlen: 256,
    samples: 8,
    eval_samples: 16,
    bos: 'first',
    calibration: { name: 'train.txt' },
    evaluation: { name: 'test.txt' },
  },
  version: '0.2.0',
};

/** Lines between the first two rules. */
function frontMatter(card: string): string[] {
  const lines = card.split('\n');
  expect(lines[0]).toBe('---');
  return lines.slice(1, lines.indexOf('---', 1));
}

describe('modelCard', () => {
  it('has the front matter that the Hub reads', () => {
    const lines = frontMatter(modelCard(FACTS));
    expect(lines).toContain('library_name: transformers.js');
    expect(lines).toContain('pipeline_tag: text-generation');
    expect(lines).toContain('base_model: "HuggingFaceTB/SmolLM2-135M"');
    expect(lines).toEqual(expect.arrayContaining(['- whittle', '- onnx', '- slicegpt', '- 4-bit']));
  });

  it('says what a recipe did, by whom, and how far the file is from the original', () => {
    const recipe = {
      text: 'embed:bits=8; correct:ridge=1; gptq:bits=4,group=32',
      methods: [
        { name: 'embed', label: 'Tables in integers', is_quantising: true },
        { name: 'correct', label: 'Correction', is_quantising: false },
        { name: 'gptq', label: 'GPTQ', paper: 'arXiv 2210.17323', is_quantising: true },
      ],
      bits_per_weight: 5.41,
      kl_divergence: 0.003747,
      top1_agreement: 0.9502,
    };
    const card = modelCard({ ...FACTS, precision: 'stored', slicing: undefined, recipe });
    expect(frontMatter(card)).toEqual(
      expect.arrayContaining(['base_model_relation: quantized', '- gptq', '- correct', '- quantized']),
    );
    expect(card).toContain('Correction and GPTQ ([arXiv 2210.17323](https://arxiv.org/abs/2210.17323)): 5.41 bits');
    expect(card).toContain(`\`${recipe.text}\``);
    expect(card).toContain('Calibrated on 8 windows of train.txt. The KL divergence from the original is 0.0037 nats');
    expect(card).toContain('the same in 95 %');
    expect(card).not.toMatch(/slic/i);
  });

  it('says of weights without a graph what opens them, and keeps the licence of the source', () => {
    const licence = { license: 'other', license_name: 'own', license_link: 'https://example.org/terms' };
    const gguf = modelCard({
      ...FACTS,
      ...licence,
      format: 'gguf',
      files: [{ name: 'model.gguf', bytes: 1 }],
      notes: ['A note.'],
    });
    expect(frontMatter(gguf)).toEqual(
      expect.arrayContaining(['library_name: gguf', 'license: "other"', 'license_name: "own"', '- gguf']),
    );
    expect(gguf).toContain('llama-cli -m model.gguf');
    expect(gguf).toContain('A note.');
    expect(gguf).not.toMatch(/ONNX|onnxruntime/i);
    const dense = modelCard({ ...FACTS, format: 'safetensors', is_dense_family: true, slicing: undefined });
    expect(frontMatter(dense)).toContain('library_name: transformers');
    expect(dense).toContain('AutoModelForCausalLM.from_pretrained');
    const sliced = modelCard({ ...FACTS, format: 'safetensors', is_dense_family: false });
    expect(frontMatter(sliced).join()).not.toContain('library_name');
    expect(sliced).toContain('`whittle`');
  });

  it('gives both perplexities with the protocol they were measured by', () => {
    const card = modelCard(FACTS);
    for (const part of [
      '14.234',
      '18.765',
      '134,515,008',
      '110,000,000',
      '16 windows of 256 tokens',
      'BOS once before the text',
      'test.txt',
      '25 %',
    ]) {
      expect(card).toContain(part);
    }
    expect(card).toContain('8 windows of train.txt');
  });

  it('lists what opening found odd, without its markup', () => {
    expect(modelCard(FACTS)).not.toContain('Warnings');
    const card = modelCard({ ...FACTS, warnings: ['Not used: a_b.bin.', 'Two\nlines <b>'] });
    expect(card).toContain('## Warnings\n');
    expect(card).toContain('- Not used: a\\_b.bin.\n- Two lines \\<b\\>\n');
  });

  it('says which runtime it needs, where it ran, and what else a reader must know', () => {
    const card = modelCard({ ...FACTS, notes: ['Use it for short texts.'] });
    expect(card).toContain('It needs ONNX Runtime 1.23 or newer. This very file was run in onnxruntime-web 1.31.0');
    expect(card).toContain('\nUse it for short texts.\n');
    expect(modelCard({ ...FACTS, layout: 'plain' })).toContain('ONNX Runtime 1.23 or newer');
  });

  it('shows how to load exactly this file', () => {
    const card = modelCard(FACTS);
    expect(card).toContain("dtype: 'q4'");
    expect(card).toContain("ort.InferenceSession.create('onnx/model_q4.onnx')");
    const simple = modelCard({ ...FACTS, layout: 'plain', precision: 'stored' });
    expect(simple).toContain("create('model.onnx')");
    expect(simple).not.toContain('@huggingface/transformers');
    expect(frontMatter(simple)).toContain('library_name: onnx');
  });

  it('says nothing of slicing, base model or licence where there is none', () => {
    const { base_model: _, license: __, slicing: ___, ...rest } = FACTS;
    const card = modelCard({ ...rest, precision: 'f16' });
    expect(card).not.toMatch(/SliceGPT|slicegpt|base_model|license|Calibrated|undefined/);
  });

  it('lets no name break its lines, its table or the front matter', () => {
    const card = modelCard({ ...FACTS, name: 'a\n---\n<script>|x', base_model: 'a"b\nc: d' });
    expect(frontMatter(card)).toContain('base_model: "a\\"b\\nc: d"');
    expect(card).not.toContain('<script>');
    expect(card.split('\n').filter((line) => line === '---')).toHaveLength(2);
  });
});
