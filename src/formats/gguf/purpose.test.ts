import { describe, expect, it } from 'vitest';
import { expectBadInput } from '../../../test/bad_input.ts';
import { family } from '../../../test/fixtures/families/family_model.ts';
import { floatTensor, ggufBlob, ggufFamily, type Metadata, string, uint32 } from '../../../test/fixtures/gguf_model.ts';
import { openModel } from '../../models/open_model.ts';

const tensor = (name: string) => floatTensor(name, [4], new Float32Array(4));

async function open(metadata: Metadata, tensors: string[]) {
  const blob = await ggufBlob({ metadata, tensors: tensors.map(tensor) });
  return openModel([{ path: 'other.gguf', blob }]);
}

describe('a GGUF file that is no language model', () => {
  it.each<[string, Metadata, string[], ...string[]]>([
    [
      'an adapter',
      new Map([
        ['general.architecture', string('llama')],
        ['general.type', string('adapter')],
        ['adapter.type', string('lora')],
      ]),
      ['blk.0.attn_q.weight.lora_a', 'blk.0.attn_q.weight.lora_b'],
      'is an adapter (LoRA)',
      'llama-export-lora',
    ],
    [
      'an adapter without a type',
      new Map([['general.architecture', string('llama')]]),
      ['blk.0.attn_q.weight.lora_a'],
      'is an adapter',
    ],
    [
      'an importance matrix, which names no architecture',
      new Map([
        ['general.type', string('imatrix')],
        ['imatrix.chunk_count', uint32(8)],
      ]),
      ['blk.0.attn_q.weight.in_sum2', 'blk.0.attn_q.weight.counts'],
      'importance matrix',
      'general.type',
    ],
    [
      'a reader of images',
      new Map([['general.architecture', string('clip')]]),
      ['v.patch_embd.weight'],
      'mmproj',
      'beside it',
    ],
    [
      'a control vector',
      new Map([['general.architecture', string('controlvector')]]),
      ['direction.1'],
      'control vector',
    ],
    [
      'something new',
      new Map([
        ['general.architecture', string('llama')],
        ['general.type', string('tune\nr')],
      ]),
      ['x'],
      'general.type is "tune',
      'general.type',
    ],
  ])('is named: %s', async (_, metadata, tensors, ...fragments) => {
    await expectBadInput(open(metadata, tensors), 'not_a_model', 'other.gguf', ...fragments);
  });

  it('is not seen in a model that says that it is one', async () => {
    const model = ggufFamily(await family('llama'));
    model.metadata.set('general.type', string('model'));
    await openModel([{ path: 'm.gguf', blob: await ggufBlob(model) }]);
  });

  it('is not seen in a file without tensors', async () => {
    const model = ggufFamily(await family('llama'));
    const lost = openModel([{ path: 'm.gguf', blob: await ggufBlob({ ...model, tensors: [] }) }]);
    await expect(lost).rejects.toThrow(/^(?!.*(importance matrix|control vector|adapter))/);
  });
});
