import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { family, familyFiles } from '../../../test/fixtures/families/family_model.ts';
import { jsonBlob, tinyLlama } from '../../../test/fixtures/tiny_llama.ts';
import { compress, EXACT_SEQUENTIAL, seededText, testJob } from '../../../test/support/slice_job.ts';
import { type Written, writeModel } from '../../../test/support/written_model.ts';
import { createCpuBackend } from '../../backend/cpu/cpu_backend.ts';
import { type ErrorCode, WhittleError } from '../../errors/errors.ts';
import type { Checkpoint } from '../../formats/checkpoint.ts';
import type { DecoderModel, WeightRef } from '../decoder_model.ts';
import { openModel } from '../open_model.ts';
import { readDescription } from './description.ts';
import { modelFromDescription } from './from_description.ts';
import { weightNames } from './weight_names.ts';

// biome-ignore lint/suspicious/noExplicitAny: tests spoil descriptions in ways that no type allows
type Json = any;

const backend = createCpuBackend();
afterAll(() => backend.dispose());

async function slicedLlama(): Promise<DecoderModel> {
  const texts = { calibration: seededText(1, 300), evaluation: seededText(2, 200) };
  const job = await testJob(await tinyLlama({ max_position_embeddings: 64 }), texts, {
    seqlen: 16,
    samples: 2,
    eval_samples: 1,
  });
  return (await compress(backend, job, { ...EXACT_SEQUENTIAL, head: 'tied', sparsity: 0.5 })).model;
}

/** Opens the folder with a config.json that was changed. */
async function openSpoilt(written: Written, spoil: (decoder: Json, config: Json) => void) {
  const config = (await written.json('config.json')) as Json;
  spoil(config.whittle.decoder, config);
  return openModel(
    written.files.map((file) => (file.path.endsWith('/config.json') ? { ...file, blob: jsonBlob(config) } : file)),
  );
}

type Case = [what: string, code: ErrorCode, fragments: string[], spoil: (decoder: Json, config: Json) => void];

const LLAMA: Case[] = [
  ['a later version', 'bad_config', ['version 2', 'later'], (d) => Object.assign(d, { version: 2 })],
  ['no version', 'bad_config', ['whittle.decoder.version'], (d) => delete d.version],
  [
    'no description',
    'bad_config',
    ['whittle.decoder'],
    (_, config) => Object.assign(config.whittle, { decoder: null }),
  ],
  ['text for a number', 'bad_config', ['eps', '"small"'], (d) => Object.assign(d.norm, { eps: 'small' })],
  ['a missing field', 'bad_config', ['layers.1.mlp.up_proj', 'missing'], (d) => delete d.layers[1].mlp.up_proj],
  ['a field of another name', 'bad_config', ['gate'], (d) => Object.assign(d.layers[0].mlp, { gate: 1 })],
  [
    'an unknown activation',
    'bad_config',
    ['"tanh"', 'gelu_tanh'],
    (d) => Object.assign(d.layers[0].mlp, { activation: 'tanh' }),
  ],
  [
    'a missing tensor',
    'missing_tensor',
    ['no.such.tensor'],
    (d) => Object.assign(d.lm_head, { weight: 'no.such.tensor' }),
  ],
  [
    'a tensor of another shape',
    'shape_mismatch',
    ['model.norm.weight'],
    (d) => Object.assign(d.layers[0].attention.q_proj, { weight: 'model.norm.weight' }),
  ],
  [
    'a tied table that does not fit at its second use',
    'shape_mismatch',
    ['model.embed_tokens.weight'],
    (d) => Object.assign(d.lm_head, { projection: 'model.embed_tokens.projection' }),
  ],
  ['fewer layers than said', 'bad_config', ['1 layers are described', '2'], (d) => d.layers.pop()],
  ['a stream that breaks off', 'shape_mismatch', ['layers.1.mlp.down_proj'], (d) => delete d.layers[1].mlp_shortcut_Q],
  [
    'a norm of another size',
    'bad_config',
    ['normalized_size is 8', '16'],
    (d) => Object.assign(d.norm, { normalized_size: 8 }),
  ],
  [
    'a LayerNorm of a sliced stream',
    'bad_config',
    ['LayerNorm of 16 elements reads 8'],
    (d) => Object.assign(d.layers[0].input_layernorm, { kind: 'layer_norm' }),
  ],
  [
    'a rotary that is not there',
    'bad_config',
    ['rotary is 1', 'below 1'],
    (d) => Object.assign(d.layers[0].attention, { rotary: 1 }),
  ],
  ['frequencies of another number', 'bad_config', ['3 frequencies turn 4'], (d) => d.rotary[0].inv_freq.push(1)],
  [
    'a rotary larger than a head',
    'bad_config',
    ['turns 6 elements'],
    (d) => Object.assign(d.rotary[0], { dim: 6, inv_freq: [1, 1, 1] }),
  ],
  [
    'heads that do not divide',
    'bad_config',
    ['4 query heads share 3'],
    (d) => Object.assign(d.layers[0].attention, { num_key_value_heads: 3 }),
  ],
  [
    'slopes of another number',
    'bad_config',
    ['1 slopes'],
    (d) => Object.assign(d.layers[0].attention, { alibi_slopes: [1] }),
  ],
  [
    'a shared norm in a layer that is not parallel',
    'bad_config',
    ['shares its input_layernorm'],
    (d) => Object.assign(d.layers[0], { post_attention_layernorm: 'input_layernorm' }),
  ],
  [
    'an input that is not described',
    'bad_config',
    ['the input 1', 'an index below 1'],
    (d) => {
      d.inputs = [{ kind: 'token', bits: 8 }];
      d.layers[0].mlp.up_proj.input = 1;
    },
  ],
  [
    'a grid of other inputs',
    'bad_config',
    ['inputs.0.grid', '2 inputs in 1 clusters', 'inputs in 1 clusters'],
    (d) => {
      d.inputs = [{ kind: 'clusters', bits: 8, clusters: 1, grid: { cluster: [0, 0], scale: [1], zero: [0] } }];
      d.layers[0].mlp.up_proj.input = 0;
    },
  ],
  [
    'two shortcuts in a parallel layer',
    'bad_config',
    ['mlp_shortcut_Q'],
    (d) => Object.assign(d.layers[0], { parallel: true }),
  ],
];

describe('a description that is wrong', () => {
  let written: Written;
  beforeAll(async () => {
    written = await writeModel(await slicedLlama(), { config: { model_type: 'llama' } });
  });

  it.each(LLAMA)('is refused: %s', async (_, code, fragments, spoil) => {
    await expectBadInput(openSpoilt(written, spoil), code, ...fragments);
  });

  it('is no longer asked for where config.json has none: then the family is, and finds other shapes', async () => {
    const opening = openSpoilt(written, (_, config) => delete config.whittle);
    await expectBadInput(opening, 'bad_config');
  });

  it('leaves tensors out with a warning', async () => {
    const { warnings } = await openSpoilt(written, (d) => delete d.norm.weight);
    expect(warnings).toEqual(['Tensors that the description does not use: model.norm.weight.']);
  });
});

describe('every field of a description', () => {
  const VALUES: readonly unknown[] = [null, 'x', '', -1, 0, 1, 7, 1e9, 0.5, true, {}, []];

  it.each(['llama', 'bloom', 'phi3_longrope'])(
    'of %s may hold anything: the model opens, or a typed error says what is wrong',
    async (name) => {
      const { model, checkpoint } = await openModel(await familyFiles(await family(name)));
      const written = await writeModel(model, { config: {} });
      const renamed = underNames(checkpoint, weightNames(model));
      const text = JSON.stringify(await written.json('config.json'));
      let refused = 0;
      for (const path of leaves(JSON.parse(text).whittle.decoder)) {
        for (const value of VALUES) {
          const raw = JSON.parse(text);
          set(raw.whittle.decoder, path, value);
          try {
            modelFromDescription(readDescription(raw, 'config.json'), renamed, 'config.json');
          } catch (error) {
            if (!(error instanceof WhittleError) || !error.isBadInput)
              throw new Error(path.join('.'), { cause: error });
            refused++;
          }
        }
      }
      expect(refused).toBeGreaterThan(600);
    },
  );
});

/** A checkpoint whose tensors have the names that the model is written under. */
function underNames(checkpoint: Checkpoint, names: ReadonlyMap<WeightRef, string>): Checkpoint {
  const tensors = [...names].map(([{ shape, dtype }, name]) => ({ name, shape, dtype, bytes: 0, file: 'f' }));
  return { ...checkpoint, tensors: new Map(tensors.map((info) => [info.name, info])) };
}

function leaves(value: Json, path: string[] = []): string[][] {
  if (typeof value !== 'object') return [path];
  return Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]));
}

function set(root: Json, path: readonly string[], value: unknown): void {
  const last = path.slice(0, -1).reduce((inner, key) => inner[key], root);
  last[path[path.length - 1]] = value;
}
