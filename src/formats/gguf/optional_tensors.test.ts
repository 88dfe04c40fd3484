import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { family } from '../../../test/fixtures/families/family_model.ts';
import {
  floatTensor,
  type GgufModel,
  ggufBlob,
  ggufFamily,
  string,
  uint32,
} from '../../../test/fixtures/gguf_model.ts';
import { info, rawGguf, str, text } from '../../../test/fixtures/raw_gguf.ts';
import { storedWeights } from '../../models/decoder_model.ts';
import { openModel } from '../../models/open_model.ts';
import { decodeStored } from '../../tensor/decode.ts';
import { blobSource } from '../source.ts';
import { readGgufHeader } from './header.ts';

async function open(change: (model: GgufModel) => void, name = 'llama') {
  const model = ggufFamily(await family(name));
  change(model);
  return openModel([{ path: 'm.gguf', blob: await ggufBlob(model) }]);
}

const shapeOf = ({ tensors }: GgufModel, name: string) => tensors.find((tensor) => tensor.name === name)!.shape;

/** Adds biases whose numbers count up, to the linears of a layer. */
const biased =
  (layer: number, ...stems: string[]) =>
  (model: GgufModel) => {
    for (const stem of stems) {
      const [rows] = shapeOf(model, `blk.${layer}.${stem}.weight`);
      model.tensors.push(
        floatTensor(
          `blk.${layer}.${stem}.bias`,
          [rows],
          Float32Array.from({ length: rows }, (_, i) => i + 1),
        ),
      );
    }
  };

const valuesOf = async (ref: { read(): Promise<Uint8Array>; dtype: string } | undefined) =>
  ref && [...decodeStored(await ref.read(), 'F32')];

describe('biases of a Llama in GGUF', () => {
  it('of q, k and v alone make it a Qwen 2, which has these', async () => {
    const opened = await open((model) => {
      for (const layer of [0, 1]) biased(layer, 'attn_q', 'attn_k', 'attn_v')(model);
    });
    expect(opened.raw_config).toMatchObject({ model_type: 'qwen2', use_sliding_window: false });
    expect(opened.warnings).toEqual([]);
    const { q_proj, v_proj, o_proj } = opened.model.layers[1].attention;
    // Rows of a head are interleaved in the file: 1, 2, 3 … came from 1, 3, 5, 2, 4, 6.
    expect((await valuesOf(q_proj.bias))!.slice(0, 6)).toEqual([1, 3, 5, 2, 4, 6]);
    expect((await valuesOf(v_proj.bias))!.slice(0, 6)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(o_proj.bias).toBeUndefined();
    const plain = await open(() => {});
    const added = storedWeights(opened.model).length - storedWeights(plain.model).length;
    expect(added).toBe(6);
  });

  it('that only some linears have are zero for the others, with a warning', async () => {
    const opened = await open((model) => {
      biased(1, 'attn_q')(model);
      biased(0, 'ffn_down')(model);
    });
    expect(opened.raw_config).toMatchObject({ model_type: 'llama', attention_bias: true, mlp_bias: true });
    expect(opened.warnings).toHaveLength(1);
    expect(opened.warnings[0]).toContain('taken as zero');
    const [first, second] = opened.model.layers;
    expect((await valuesOf(second.attention.q_proj.bias))!.slice(0, 3)).toEqual([1, 3, 5]);
    for (const linear of [
      first.attention.q_proj,
      second.attention.k_proj,
      second.attention.o_proj,
      second.mlp.up_proj,
    ]) {
      const [rows] = linear.weight.shape;
      expect(await valuesOf(linear.bias)).toEqual(new Array(rows).fill(0));
    }
    expect(await first.attention.o_proj.bias!.read({ start: 1, end: 3 })).toEqual(new Uint8Array(8));
  });

  it('of a Qwen 3 are optional, too', async () => {
    const opened = await open(biased(1, 'attn_q'), 'qwen3');
    expect(opened.warnings[0]).toContain('taken as zero');
    const [first, second] = opened.model.layers;
    expect((await valuesOf(second.attention.q_proj.bias))!.slice(0, 3)).toEqual([1, 2, 3]);
    const zeros = (await valuesOf(first.attention.k_proj.bias))!;
    expect(new Set(zeros)).toEqual(new Set([0]));
  });

  it('are asked for where llama.cpp needs them, and refused beside a window', async () => {
    const lost = open((model) => {
      const at = model.tensors.findIndex(({ name }) => name === 'blk.0.attn_q.bias');
      model.tensors.splice(at, 1);
    }, 'qwen2');
    await expectBadInput(lost, 'missing_tensor', 'blk.0.attn_q.bias');
    const windowed = open((model) => {
      biased(0, 'attn_q')(model);
      model.metadata.set('llama.attention.sliding_window', uint32(8));
    });
    await expectBadInput(windowed, 'unknown_architecture', 'window of 8 tokens', 'sliding_window');
  });
});

describe('factors beside weights', () => {
  it('multiply them, whatever was done to their rows', async () => {
    const plain = await open(() => {});
    const opened = await open((model) => {
      for (const stem of ['attn_q', 'ffn_up']) {
        model.tensors.push(floatTensor(`blk.0.${stem}.scale`, [1], Float32Array.of(0.5)));
      }
      model.tensors.push(floatTensor('blk.0.ffn_up.input_scale', [1], Float32Array.of(3)));
    });
    expect(opened.warnings).toEqual([]);
    for (const pick of [0, 1] as const) {
      const [q, reference] = [opened, plain].map(({ model }) => model.layers[pick].attention.q_proj.weight);
      const factor = pick === 0 ? 0.5 : 1;
      expect(await valuesOf(q)).toEqual((await valuesOf(reference))!.map((value) => value * factor));
    }
    const [up, reference] = [opened, plain].map(({ model }) => model.layers[0].mlp.up_proj.weight);
    expect(await valuesOf(up)).toEqual((await valuesOf(reference))!.map((value) => value / 2));
  });

  it('are one finite number', async () => {
    const two = open((model) => model.tensors.push(floatTensor('blk.0.attn_q.scale', [2], Float32Array.of(1, 2))));
    await expectBadInput(two, 'bad_gguf', 'blk.0.attn_q.scale', '2 numbers');
    const infinite = open((model) =>
      model.tensors.push(floatTensor('blk.0.attn_q.scale', [1], Float32Array.of(Number.POSITIVE_INFINITY))),
    );
    await expectBadInput(infinite, 'bad_gguf', 'blk.0.attn_q.scale', 'Infinity');
    const alone = open((model) => model.tensors.push(floatTensor('blk.0.ffn_x.scale', [1], Float32Array.of(1))));
    await expectBadInput(alone, 'unknown_architecture', 'blk.0.ffn_x.scale');
  });
});

describe('keys and tensors that are looked at', () => {
  it('warns of keys of the architecture that nobody knows', async () => {
    const opened = await open(({ metadata }) => {
      metadata.set('llama.note', string('x'));
      metadata.set('general.note', string('x'));
    });
    expect(opened.warnings).toHaveLength(1);
    expect(opened.warnings[0]).toContain('llama.note');
  });

  it('refuses a scaled rotary embedding where the family has none', async () => {
    const scaled = open(({ metadata }) => {
      metadata.set('gptneox.rope.scaling.type', string('linear'));
      metadata.set('gptneox.rope.scaling.factor', { type: 'float32', value: 2 });
    }, 'gpt_neox');
    await expectBadInput(scaled, 'unknown_architecture', 'gptneox.rope.scaling.type');
  });
});

describe('type 42', () => {
  const header = (data: number, second: number) =>
    readGgufHeader(
      blobSource(
        'm.gguf',
        new Blob([
          rawGguf({
            pairs: [text('general.architecture', 'llama')],
            infos: [
              info({ type: 42, sizes: [256, 7] }),
              info({ name: str('v'), type: 42, sizes: [128, 2], offset: second }),
            ],
            data,
          }),
        ]),
      ),
    );
  const roundUp = (bytes: number) => 32 * Math.ceil(bytes / 32);
  const [narrow, wide] = [18 * 4 * 7, 34 * 2 * 7];

  it('has blocks of 64, as in llama.cpp', async () => {
    const { tensors } = await header(roundUp(narrow) + roundUp(18 * 2 * 2), roundUp(narrow));
    expect(tensors.map(({ type, bytes }) => [type, bytes])).toEqual([
      ['Q2_0', narrow],
      ['Q2_0', 72],
    ]);
  });

  it('has blocks of 128 where only these fit', async () => {
    const { tensors } = await header(roundUp(wide) + roundUp(34 * 2), roundUp(wide));
    expect(tensors.map(({ type, bytes }) => [type, bytes])).toEqual([
      ['Q2_0_G128', wide],
      ['Q2_0_G128', 68],
    ]);
  });

  it('fits neither in a file that is cut off', async () => {
    await expectBadInput(header(roundUp(wide), roundUp(wide)), 'truncated_file', 'the file ends at');
  });
});
