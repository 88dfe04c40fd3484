import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import * as ort from 'onnxruntime-web/wasm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import { type Precision, quantizedModel } from '../src/export/precision.ts';
import { generationConfig, transformersConfig } from '../src/export/transformers_config.ts';
import { writeOnnx } from '../src/export/write_onnx.ts';
import type { DecoderModel } from '../src/models/decoder_model.ts';
import { openModel } from '../src/models/open_model.ts';
import { generate } from '../src/runtime/generate.ts';
import { type TinyLlamaOptions, tinyLlama } from './fixtures/tiny_llama.ts';
import { memoryFiles } from './onnx/memory_files.ts';
import { type TinyOptions, tinyDecoder, tinyTokens } from './onnx/tiny_decoder.ts';
import { VARIANTS } from './onnx/variants.ts';
import { compress, EXACT_SEQUENTIAL, seededText, testJob } from './support/slice_job.ts';

/** What this test uses of the package; its own types need the DOM's and onnxruntime-node's. */
interface Transformers {
  env: { localModelPath: string; allowRemoteModels: boolean; useFSCache: boolean; fetch: unknown };
  Tensor: new (type: string, data: BigInt64Array, dims: number[]) => unknown;
  AutoTokenizer: { from_pretrained(name: string): Promise<(text: string | string[], options?: object) => Inputs> };
  AutoModelForCausalLM: {
    from_pretrained(
      name: string,
      options: object,
    ): Promise<{
      generate(options: object): Promise<{ tolist(): bigint[][] }>;
      dispose(): Promise<unknown>;
    }>;
  };
}

interface Inputs {
  input_ids: { dims: number[]; tolist(): bigint[][] };
}

const TEXT = 'the river and a stone';
const COUNT = 10;
const SIZES = { seqlen: 32, samples: 8, eval_samples: 1 };

let transformers: Transformers;
let folder: string;

/** Under Node transformers.js hands over a path: the browser's runtime wants bytes, and those of the external data. */
async function createSession(path: string, options: ort.InferenceSession.SessionOptions) {
  const beside = (await readdir(dirname(path))).filter((name) => name.startsWith(`${basename(path)}_data`));
  const externalData = await Promise.all(
    beside.map(async (name) => ({ path: name, data: await readFile(join(dirname(path), name)) })),
  );
  return ort.InferenceSession.create(await readFile(path), { ...options, externalData });
}

beforeAll(async () => {
  // transformers.js takes the runtime that the page offers; package.json puts stand-ins for its native parts.
  ort.env.wasm.numThreads = 1;
  const runtime = { env: ort.env, Tensor: ort.Tensor, InferenceSession: { create: createSession } };
  Object.assign(globalThis, { [Symbol.for('onnxruntime')]: runtime });
  transformers = (await import('@huggingface/transformers' as string)) as Transformers;
  // On import it points the runtime to a CDN.
  ort.env.wasm.wasmPaths = undefined;
  folder = await mkdtemp(join(tmpdir(), 'whittle-transformers-'));
  Object.assign(transformers.env, {
    localModelPath: folder,
    allowRemoteModels: false,
    useFSCache: false,
    fetch: () => Promise.reject(new Error('A local folder asked for the network.')),
  });
});

afterAll(() => rm(folder, { recursive: true, force: true }));

interface Companions {
  raw_config: Readonly<Record<string, unknown>>;
  tokenizer_files: readonly { name: string; bytes: Uint8Array }[];
}

/** Writes a folder as an export does: the model in `onnx/`, config, tokenizer and generation_config beside it. */
async function exportFolder(
  name: string,
  open: Companions,
  model: DecoderModel,
  precision: Precision,
  external_data: 'auto' | 'always',
): Promise<void> {
  const memory = memoryFiles();
  const { files } = await writeOnnx(model, { layout: 'kv_cache', precision, external_data }, memory.openFile);
  const write = async (path: string, bytes: Uint8Array | string) => {
    const target = join(folder, name, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, bytes);
  };
  for (const file of files) await write(file.name, memory.bytes(file.name));
  for (const file of open.tokenizer_files) await write(file.name, file.bytes);
  const names = files.map((file) => file.name);
  await write('config.json', JSON.stringify(transformersConfig(open.raw_config, model, precision, names)));
  await write('generation_config.json', JSON.stringify(generationConfig({ ...open.raw_config, eos_token_id: 0 })));
}

/** Greedy continuations by transformers.js of the folder, and the ids of the prompts. */
async function generated(name: string, texts: string[]): Promise<{ prompts: number[][]; made: number[][] }> {
  const tokenizer = await transformers.AutoTokenizer.from_pretrained(name);
  // `auto`: whatever providers the runtime has. The numbers of the weights stand in config.json.
  const model = await transformers.AutoModelForCausalLM.from_pretrained(name, { device: 'auto' });
  try {
    const inputs = tokenizer(texts, { padding: true });
    const output = await model.generate({ ...inputs, max_new_tokens: COUNT, do_sample: false });
    const prompts = texts.map((text) => tokenizer(text).input_ids.tolist()[0].map(Number));
    const length = inputs.input_ids.dims[1];
    return { prompts, made: output.tolist().map((row) => row.slice(length).map(Number)) };
  } finally {
    await model.dispose();
  }
}

const DENSE: TinyLlamaOptions = {
  hidden_size: 32,
  intermediate_size: 48,
  num_key_value_heads: 2,
  // Small embeddings: with a tied head, large ones make the model repeat its last token for ever.
  edit: (tensors) =>
    tensors.map((tensor) =>
      tensor.name.includes('embed_tokens') ? { ...tensor, values: tensor.values.map((x) => x / 8) } : tensor,
    ),
};

async function sliced(options: TinyLlamaOptions, head: 'tied' | 'untied'): Promise<DecoderModel> {
  const texts = { calibration: seededText(3, 400), evaluation: seededText(4, 100) };
  const job = await testJob(await tinyLlama(options), texts, SIZES);
  return (await compress(createCpuBackend(), job, { ...EXACT_SEQUENTIAL, head, sparsity: 0.25 })).model;
}

const dense = async (options: TinyLlamaOptions) => (await openModel(await tinyLlama(options))).model;

interface Case {
  options: TinyLlamaOptions;
  make: () => Promise<DecoderModel>;
  precision: Precision;
  external_data?: 'always';
}

const CASES: Record<string, Case> = {
  'dense-tied': { options: DENSE, make: () => dense(DENSE), precision: 'stored' },
  'dense-untied-f16': {
    options: { ...DENSE, tied: false },
    make: () => dense({ ...DENSE, tied: false }),
    precision: 'f16',
  },
  'sliced-tied': { options: DENSE, make: () => sliced(DENSE, 'tied'), precision: 'stored' },
  'sliced-untied-int8': { options: DENSE, make: () => sliced(DENSE, 'untied'), precision: 'int8' },
  'sliced-tied-int4': { options: DENSE, make: () => sliced(DENSE, 'tied'), precision: 'int4', external_data: 'always' },
};

/** An untied head, so that tokens do not repeat. */
const LIVELY: TinyOptions = { head: 'untied' };

/** config.json of each family as its layers are named there, with what transformers.js might trip over. */
const FAMILIES: Record<string, { variant: keyof typeof VARIANTS; config?: Record<string, unknown> }> = {
  opt: { variant: 'OPT: LayerNorm, learned positions, plain MLP with ReLU' },
  gpt2: { variant: 'OPT: LayerNorm, learned positions, plain MLP with ReLU', config: { n_layer: 2, n_head: 4 } },
  bloom: { variant: 'BLOOM: ALiBi and an embedding norm', config: { num_hidden_layers: 2 } },
  falcon: { variant: 'ALiBi with grouped heads, sliced', config: { multi_query: true, n_layer: 2 } },
  phi: { variant: 'Phi-2: parallel, one norm, part of each head rotated' },
  gpt_neox: { variant: 'GPT-NeoX: parallel, two norms, exact gelu, sliced' },
  gptj: { variant: 'GPT-J: parallel, interleaved rotary over part of each head', config: { n_layer: 2 } },
  gemma3_text: { variant: 'Gemma 2: γ + 1, sandwich norms, soft caps, scaled embedding, local and global layers' },
  qwen3: { variant: 'Qwen3: norms of each query and key head' },
  olmo2: { variant: 'OLMo-2: norms of all heads together, norms of outputs alone' },
  phi3: { variant: 'Phi-3: longrope, text within the first length' },
  granite: { variant: 'Granite: multipliers' },
};

describe('transformers.js', () => {
  for (const [name, { options, make, precision, external_data = 'auto' }] of Object.entries(CASES)) {
    it(`loads the folder from local files and generates the tokens that Whittle does: ${name}`, async () => {
      const model = await make();
      await exportFolder(name, await openModel(await tinyLlama(options)), model, precision, external_data);
      const { prompts, made } = await generated(name, [TEXT]);
      expect(prompts[0].length).toBeGreaterThan(5);
      const stored = await quantizedModel(model, precision);
      const expected = await generate(createCpuBackend(), stored, prompts[0], COUNT, { eos: [0] });
      expect(made[0]).toEqual(expected);
      // A model that says one word for ever would agree with too much.
      expect(new Set(expected).size).toBeGreaterThan(2);
    });
  }

  for (const [model_type, { variant, config = {} }] of Object.entries(FAMILIES)) {
    it(`finds layers and caches of the family: ${model_type}`, async () => {
      const tiny = tinyDecoder({ ...VARIANTS[variant], ...LIVELY });
      const model = { ...tiny, config: { ...tiny.config, model_type } };
      await exportFolder(
        model_type,
        { raw_config: { model_type, ...config }, tokenizer_files: [] },
        model,
        'stored',
        'auto',
      );
      const loaded = await transformers.AutoModelForCausalLM.from_pretrained(model_type, { device: 'auto' });
      const ids = tinyTokens(7);
      const inputs = new transformers.Tensor('int64', BigInt64Array.from(ids, BigInt), [1, ids.length]);
      const output = await loaded.generate({ inputs, max_new_tokens: COUNT, do_sample: false });
      await loaded.dispose();
      const expected = await generate(createCpuBackend(), model, ids, COUNT, { eos: [0] });
      expect(output.tolist()[0].map(Number)).toEqual([...ids, ...expected]);
    });
  }
});
