/** File types against llama.cpp's own quantiser, and what the blocks hold against what was asked for. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { judge, runRecipe } from '../../../test/support/recipe_job.ts';
import { seededText, testJob } from '../../../test/support/slice_job.ts';
import { ggufBytes, ggufSource } from '../../../test/support/written_gguf.ts';
import { createWasmBackend } from '../../backend/wasm/wasm_backend.ts';
import { storedWeights } from '../../models/decoder_model.ts';
import { type ModelFile, openModel } from '../../models/open_model.ts';
import type { LinearName } from '../layerwise_types.ts';
import { type FileType, headType, linearType, tableType } from './file_types.ts';

interface Case {
  file_type: FileType;
  layers: number;
  heads: number;
  kv_heads: number;
  hidden_size: number;
  intermediate_size: number;
  tied: boolean;
  table: string;
  head: string | null;
  /** By llama.cpp's name: types of the layers, in order. */
  linears: Record<string, string>;
}

const CASES = JSON.parse(
  readFileSync(new URL('../../../test/fixtures/quant/llama_cpp_file_types.json', import.meta.url), 'utf8'),
) as Case[];

const NAMES: Record<string, LinearName> = {
  attn_q: 'q_proj',
  attn_k: 'k_proj',
  attn_v: 'v_proj',
  attn_output: 'o_proj',
  ffn_gate: 'gate_proj',
  ffn_up: 'up_proj',
  ffn_down: 'down_proj',
};

/** Where rows are no multiple of 256 llama.cpp takes Q4_0 for its 2- and 3-bit types: IQ4_NL is as large and more exact. */
const better = (type: string, isNarrow: boolean, file: FileType) =>
  isNarrow && type === 'Q4_0' && /^q[23]_k/.test(file) ? 'IQ4_NL' : type;

describe('types of a file', () => {
  it.each(CASES.map((each) => [`${each.file_type}, ${each.layers} layers of ${each.hidden_size}`, each] as const))(
    'are those of llama-quantize: %s',
    (_, { file_type, layers, heads, kv_heads, hidden_size, intermediate_size, tied, table, head, linears }) => {
      const place = { layers, sharing: heads / kv_heads, is_fused: false, is_falcon: false, has_importance: false };
      for (const [theirs, name] of Object.entries(NAMES)) {
        const columns = name === 'down_proj' ? intermediate_size : hidden_size;
        const types = linears[theirs].split(' ').map((type) => better(type, columns % 256 !== 0, file_type));
        expect(
          types.map((_, layer) => linearType(file_type, name, columns, { ...place, layer })),
          theirs,
        ).toEqual(types);
      }
      const isNarrow = hidden_size % 256 !== 0;
      expect(headType(file_type, hidden_size, false)).toBe(tied ? table : head);
      if (!tied) expect(tableType(file_type, hidden_size)).toBe(better(table, isNarrow, file_type));
    },
  );
});

const SIZES = { seqlen: 16, samples: 4, eval_samples: 3 };
const TEXTS = { calibration: seededText(1, 400), evaluation: seededText(2, 400) };

/** A recipe's model written as GGUF and opened again, both measured against the dense one. */
async function roundTrip(files: ModelFile[], recipe: string) {
  const backend = createWasmBackend();
  const [job, open] = [await testJob(files, TEXTS, SIZES), await openModel(files)];
  const measure = judge(backend, job);
  const model = await runRecipe(backend, job, recipe);
  const bytes = await ggufBytes({ ...ggufSource(open), model });
  const again = await openModel([{ path: 'model.gguf', blob: new Blob([bytes]) }]);
  const [made, reopened] = [await measure(model), await measure(again.model)];
  backend.dispose();
  return { model, again: again.model, made, reopened };
}

describe('a file of blocks', () => {
  it('holds them as they were made, and computes the same when it is opened again', async () => {
    const files = await tinyLlama({ hidden_size: 256, intermediate_size: 512, vocab_size: 300, dtype: 'F16' });
    const { model, again, made, reopened } = await roundTrip(files, 'gguf:type=q4_k_m');
    expect(reopened.perplexity / made.perplexity).toBeCloseTo(1, 9);
    const types = new Set(storedWeights(model).map(({ dtype }) => dtype));
    expect(types).toEqual(new Set(['Q4_K', 'Q6_K', 'F16']));
    expect(again.layers.map(({ mlp }) => mlp.down_proj.weight.dtype)).toEqual(
      model.layers.map(({ mlp }) => mlp.down_proj.weight.dtype),
    );
    const down = model.layers[0].mlp.down_proj.weight;
    expect(await again.layers[0].mlp.down_proj.weight.read()).toEqual(await down.read());
  });

  it.each(['gpt2', 'phi3'])('gives parts of one matrix one type: %s', async (name) => {
    const { made, reopened } = await roundTrip(await familyFiles(await family(name)), 'gguf:type=q4_k_m');
    expect(reopened.perplexity / made.perplexity).toBeCloseTo(1, 9);
  });

  it('takes a type for one linear, and the corrected weights', async () => {
    const files = await tinyLlama({ hidden_size: 256, intermediate_size: 512, vocab_size: 300, dtype: 'F16' });
    const recipe = 'correct:ridge=1; gguf:type=q3_k_s,table=q8_0,mix=0.down_proj:q6_k+1.o_proj:q5_0';
    const { model } = await roundTrip(files, recipe);
    expect(model.layers[0].mlp.down_proj.weight.dtype).toBe('Q6_K');
    expect(model.layers[1].attention.o_proj.weight.dtype).toBe('Q5_0');
    expect(model.layers[1].mlp.down_proj.weight.dtype).toBe('Q3_K');
    expect(model.embed_tokens.weight.dtype).toBe('Q8_0');
  });

  it('leaves a matrix as it is where no block fits its rows', async () => {
    const files = await tinyLlama({ hidden_size: 24, intermediate_size: 64, vocab_size: 300, dtype: 'F16' });
    const { made, reopened, model } = await roundTrip(files, 'gguf:type=q4_k_m,importance=none');
    expect(model.layers[0].attention.q_proj.weight.dtype).toBe('F16');
    expect(model.layers[0].mlp.down_proj.weight.dtype).toBe('Q5_0');
    expect(reopened.perplexity / made.perplexity).toBeCloseTo(1, 9);
  });
});
