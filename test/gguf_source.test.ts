/** GGUF in, GGUF out: what no step changes keeps its bytes, and rounding to the grid that a file has loses nothing. */
import { beforeAll, describe, expect, it } from 'vitest';
import { createWasmBackend } from '../src/backend/wasm/wasm_backend.ts';
import { readGgufHeader } from '../src/formats/gguf/header.ts';
import { blobSource } from '../src/formats/source.ts';
import { type ModelFile, openModel } from '../src/models/open_model.ts';
import { decodeStored } from '../src/tensor/decode.ts';
import type { DType } from '../src/tensor/dtype.ts';
import { tinyLlama } from './fixtures/tiny_llama.ts';
import { runRecipe } from './support/recipe_job.ts';
import { seededText, testJob } from './support/slice_job.ts';
import { ggufBytes, ggufSource } from './support/written_gguf.ts';

const SIZES = { seqlen: 16, samples: 2, eval_samples: 2 };
const TEXTS = { calibration: seededText(1, 200), evaluation: seededText(2, 200) };

const SHAPE = {
  hidden_size: 256,
  intermediate_size: 256,
  vocab_size: 300,
  num_hidden_layers: 1,
  dtype: 'F16',
} as const;

const opened = (bytes: Uint8Array<ArrayBuffer>): ModelFile[] => [{ path: 'model.gguf', blob: new Blob([bytes]) }];

/** The bytes of each tensor by its name. */
async function tensorBytes(file: Uint8Array<ArrayBuffer>) {
  const { tensors } = await readGgufHeader(blobSource('model.gguf', new Blob([file])));
  return new Map(
    tensors.map(({ name, type, offset, bytes }) => [name, { type, bytes: file.slice(offset, offset + bytes) }]),
  );
}

/** A recipe on a file of blocks, before and after. */
async function throughRecipe(source: Uint8Array<ArrayBuffer>, recipe: string) {
  const backend = createWasmBackend();
  const job = await testJob(opened(source), TEXTS, SIZES);
  const model = await runRecipe(backend, job, recipe);
  const open = await openModel(opened(source));
  const made = await ggufBytes({ ...ggufSource(open), model });
  backend.dispose();
  return { before: await tensorBytes(source), after: await tensorBytes(made) };
}

describe.each(['q4_1', 'q4_k_m'] as const)('a file of %s', (type) => {
  let source: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    const files = await tinyLlama(SHAPE);
    const backend = createWasmBackend();
    const model = await runRecipe(backend, await testJob(files, TEXTS, SIZES), `gguf:type=${type}`);
    backend.dispose();
    source = await ggufBytes({ ...ggufSource(await openModel(files)), model });
  }, 60_000);

  it('keeps the bytes of every tensor that no step names', async () => {
    const { before, after } = await throughRecipe(source, 'embed:bits=8');
    expect([...after.keys()]).toEqual([...before.keys()]);
    for (const [name, { type: was, bytes }] of before) {
      const isTable = name === 'token_embd.weight';
      expect(after.get(name)?.type, name).toBe(isTable ? 'Q8_0' : was);
      if (!isTable) expect(after.get(name)?.bytes, name).toEqual(bytes);
    }
  });

  it('is left as it is by a step of its own type', async () => {
    const { before, after } = await throughRecipe(source, `gguf:type=${type}`);
    expect(after).toEqual(before);
  });

  it('is fitted anew where `correct` has moved the weights', async () => {
    const { before, after } = await throughRecipe(source, `embed:bits=2,group=32; correct:ridge=1; gguf:type=${type}`);
    const differ = [...before].filter(
      ([name, { bytes }]) => name.startsWith('blk.') && !Buffer.from(bytes).equals(after.get(name)!.bytes),
    );
    expect(differ.length).toBeGreaterThan(0);
  });
});

describe('rounding on the grid of the source', () => {
  it.each([
    ['q8_0', 'rtn:bits=8,group=32'],
    ['q8_0', 'awq:bits=8,group=32'],
    ['q8_0', 'embed:bits=8,group=32; gptq:bits=8,group=32'],
  ])('a file of %s has the same types and numbers after %s', async (type, recipe) => {
    const files = await tinyLlama({ hidden_size: 64, intermediate_size: 96, vocab_size: 300, dtype: 'F16' });
    const backend = createWasmBackend();
    const model = await runRecipe(backend, await testJob(files, TEXTS, SIZES), `gguf:type=${type},importance=none`);
    backend.dispose();
    const { before, after } = await throughRecipe(
      await ggufBytes({ ...ggufSource(await openModel(files)), model }),
      recipe,
    );
    const typed = (of: typeof before) => [...of].map(([name, each]) => `${name} ${each.type}`);
    expect(typed(after)).toEqual(typed(before));
    // A block with a negative scale is stored turned round.
    const numbers = ({ bytes, type }: { bytes: Uint8Array; type: string }) => decodeStored(bytes, type as DType);
    const differ = [...before].filter(([name, each]) => {
      const found = numbers(after.get(name)!);
      return numbers(each).some((value, i) => value !== found[i]);
    });
    expect(differ.map(([name]) => name)).toEqual([]);
  });

  it.each(['q4_1', 'q4_0'])('owq of %s keeps the last inputs, and the groups of the others', async (type) => {
    const files = await tinyLlama({ hidden_size: 64, intermediate_size: 96, vocab_size: 300, dtype: 'F16' });
    const backend = createWasmBackend();
    const made = await runRecipe(backend, await testJob(files, TEXTS, SIZES), `gguf:type=${type},importance=none`);
    const file = opened(await ggufBytes({ ...ggufSource(await openModel(files)), model: made }));
    const model = await runRecipe(backend, await testJob(file, TEXTS, SIZES), 'owq:bits=4,group=32,keep=0.1');
    backend.dispose();
    const source = (await openModel(file)).model;
    for (const [layer, { mlp }] of model.layers.entries()) {
      const was = source.layers[layer].mlp.down_proj.weight;
      const found = decodeStored(await mlp.down_proj.weight.read(), 'F32');
      const kept = (i: number) => i % 96 >= 96 - Math.ceil(9.6);
      // float16 rounds to one part in 2048.
      const differ = decodeStored(await was.read(), was.dtype).findIndex(
        (value, i) => !(Math.abs(found[i] - value) <= (kept(i) ? Math.abs(value) / 2047 : 0)),
      );
      expect(differ).toBe(-1);
    }
  });

  it.each(['rtn', 'gptq', 'awq'])('%s leaves Q4_1 byte for byte, and of Q4_0 every number', async (method) => {
    const files = await tinyLlama({ hidden_size: 64, intermediate_size: 96, vocab_size: 300, dtype: 'F16' });
    const backend = createWasmBackend();
    const job = await testJob(files, TEXTS, SIZES);
    for (const type of ['q4_1', 'q4_0']) {
      const mix = 'mix=0.down_proj:q4_0+1.down_proj:q4_0';
      const made = await runRecipe(
        backend,
        job,
        `gguf:type=${type},importance=none,${type === 'q4_0' ? mix : ''}`.replace(/,$/, ''),
      );
      const source = await ggufBytes({ ...ggufSource(await openModel(files)), model: made });
      const { before, after } = await throughRecipe(source, `${method}:bits=4,group=32`);
      if (type === 'q4_1') {
        expect(after).toEqual(before);
        continue;
      }
      const [was, is] = ['blk.0.ffn_down.weight'].flatMap((name) => [before.get(name)!, after.get(name)!]);
      expect([was.type, is.type]).toEqual(['Q4_0', 'Q5_0']);
      const [expected, found] = [was, is].map((each) => decodeStored(each.bytes, each.type as DType));
      // −0 is 0.
      expect(found.map((value) => value + 0)).toEqual(expected.map((value) => value + 0));
    }
    backend.dispose();
  });
});
