import { describe, expect, it } from 'vitest';
import { WhittleError } from '../../errors/errors.ts';
import { withoutLeftOvers } from './left_over_config.ts';
import { readQuantization } from './quantization_config.ts';

const stored = (dtype: string) =>
  new Map([['w.weight', { name: 'w.weight', dtype, shape: [2, 2], bytes: 4, file: 'model.safetensors' }]]);
const read = (quantization_config: unknown, dtype = 'F8_E4M3') =>
  readQuantization({ quantization_config }, 'config.json', stored(dtype));
const group = (weights: Record<string, unknown>) => ({ group_0: { targets: ['Linear'], weights } });

describe('quantization_config', () => {
  it.each([
    ['none', undefined, {}],
    ['null', null, {}],
    ['fp8 with blocks', { quant_method: 'fp8', weight_block_size: [64, 32] }, { block: [64, 32], scaled: true }],
    ['fp8 without blocks', { quant_method: 'fp8', weight_block_size: null }, { scaled: true }],
    ['fbgemm', { quant_method: 'fbgemm_fp8', activation_scale_ub: 1200 }, { scaled: true }],
    [
      'compressed-tensors in channels',
      { quant_method: 'compressed-tensors', config_groups: group({ num_bits: 8, type: 'float', strategy: 'channel' }) },
      { scaled: true },
    ],
    [
      'compressed-tensors in blocks',
      {
        quant_method: 'compressed-tensors',
        config_groups: group({ num_bits: 8, type: 'float', strategy: 'block', block_structure: [128, 64] }),
        sparsity_config: { format: 'dense' },
      },
      { block: [128, 64], scaled: true },
    ],
    [
      'compressed-tensors in groups of columns (MXFP8)',
      {
        quant_method: 'compressed-tensors',
        config_groups: group({ num_bits: 8, type: 'float', strategy: 'group', group_size: 32 }),
        transform_config: { config_groups: {} },
      },
      { block: [1, 32], scaled: true },
    ],
    [
      'compressed-tensors in blocks of two sizes',
      {
        quant_method: 'compressed-tensors',
        config_groups: {
          ...{ a: { weights: { num_bits: 8, type: 'float', strategy: 'block', block_structure: [32, 64] } } },
          ...{ b: { weights: { num_bits: 8, type: 'float', strategy: 'group', group_size: 32 } } },
        },
      },
      {
        blocks: [
          [32, 64],
          [1, 32],
        ],
        scaled: true,
      },
    ],
    ['ModelOpt', { quant_method: 'modelopt', quant_algo: 'FP8' }, { scaled: true }],
    ['ModelOpt in blocks', { quant_method: 'modelopt', quant_algo: 'FP8_PB_WO' }, { scaled: true }],
    ['ModelOpt, the cache alone', { quant_method: 'modelopt', quant_algo: null }, {}],
  ])('is accepted: %s', (_, config, expected) => {
    expect(read(config)).toEqual({ widen: expected, notes: [] });
  });

  it.each([
    [
      { quant_method: 'gptq', group_size: 128 },
      { kind: 'gptq', zeros: 'less_one', group: 128, is_symmetric: true },
    ],
    [
      { quant_method: 'gptq', group_size: -1, sym: false, format: 'gptq_v2' },
      { kind: 'gptq', zeros: 'as_they_are', group: 0, is_symmetric: false },
    ],
    [
      { quant_method: 'awq', version: 'GEMM', q_group_size: 64, w_bit: 4 },
      { kind: 'awq', group: 64 },
    ],
    [
      { quant_method: 'auto-round', packing_format: 'auto_round:auto_awq', group_size: 32 },
      { kind: 'awq', group: 32 },
    ],
    [
      {
        quant_method: 'compressed-tensors',
        format: 'pack-quantized',
        config_groups: group({ num_bits: 4, type: 'int', strategy: 'group', group_size: 32 }),
      },
      { kind: 'compressed-tensors', bits: [4], group_sizes: [32] },
    ],
    [{ quant_method: 'modelopt', quant_algo: 'NVFP4' }, { kind: 'fp4' }],
    [{ quant_method: 'mxfp4' }, { kind: 'fp4' }],
  ])('says how weights are packed: %j', (config, packed) => {
    expect(read(config, 'I32').packed).toEqual(packed);
  });

  it.each([
    [
      'GPTQ for Marlin',
      { quant_method: 'gptq', bits: 4, checkpoint_format: 'marlin' },
      'checkpoint_format is "marlin"',
    ],
    ['GPTQ in words of 16 bits', { quant_method: 'gptq', bits: 4, pack_dtype: 'int16' }, 'pack_dtype is "int16"'],
    [
      'GPTQModel, 3 bits with zeros, version 1',
      { quant_method: 'gptq', bits: 3, sym: false, meta: { quantizer: ['gptqmodel:4.0.0'] } },
      'checkpoint_format is "gptq"',
    ],
    ['AWQ for GEMV', { quant_method: 'awq', version: 'gemv' }, 'version is "gemv"'],
    ['AWQ in 3 bits', { quant_method: 'awq', bits: 3 }, 'bits is 3'],
    ['AutoRound', { quant_method: 'auto-round', packing_format: 'auto_round:llm_compressor' }, 'packing_format'],
    ['bitsandbytes', { quant_method: 'bitsandbytes', load_in_4bit: true }, 'by "bitsandbytes"'],
    ['no method', { bits: 4 }, 'in a way that is not named'],
    ['ModelOpt in 4 bits', { quant_method: 'modelopt', quant_algo: 'W4A8_AWQ' }, '"W4A8_AWQ"'],
    ['a rotation by its method', { quant_method: 'quarot', bits: 4 }, 'by "quarot"'],
    ['BitNet beside plain floats', { quant_method: 'bitnet' }, 'by "bitnet"'],
    [
      'floats of 6 bits of compressed-tensors',
      { quant_method: 'compressed-tensors', config_groups: group({ num_bits: 6, type: 'float' }) },
      '6-bit float numbers',
    ],
    [
      'compressed-tensors for Marlin',
      { quant_method: 'compressed-tensors', format: 'marlin-24', config_groups: group({ num_bits: 4, type: 'int' }) },
      'format is "marlin-24"',
    ],
    [
      'sparse storage',
      {
        quant_method: 'compressed-tensors',
        config_groups: group({ num_bits: 8, type: 'float' }),
        sparsity_config: { format: 'sparse-24-bitmask' },
      },
      'sparse-24-bitmask',
    ],
  ])('is refused with what to do: %s', (_, config, message) => {
    expect(() => read(config)).toThrow(WhittleError);
    expect(() => read(config)).toThrow(
      expect.objectContaining({
        code: 'unsupported_dtype',
        message: expect.stringContaining(message),
        action: expect.stringContaining('unquantised'),
      }),
    );
  });

  it.each([
    [{ quant_method: 'bitsandbytes', load_in_4bit: true }, 'bitsandbytes'],
    [{ load_in_8bit: true }, 'bitsandbytes'],
    [{ quant_method: 'gptq', bits: 4 }, 'gptq'],
    [{ quant_method: 'modelopt', quant_algo: 'NVFP4' }, 'modelopt'],
    // Methods that transformers does not know either, and skips.
    [{ quant_method: 'marlin', bits: 4 }, 'marlin'],
    [{ quant_method: 'exl2', bits: 4 }, 'exl2'],
  ])('is passed over beside plain floats, with a note: %j', (config, method) => {
    const { widen, notes } = read(config, 'BF16');
    expect(widen).toEqual({});
    expect(notes.join()).toContain(method);
    expect(notes.join()).toContain('left-over');
  });

  it.each([
    ['transform_config', { transform_config: { config_groups: { R4: { type: 'hadamard', apply: [] } } } }],
    ['config_groups.group_0.online_rotation', { config_groups: { group_0: { online_rotation: true } } }],
    ['forward_hadamard', { forward_hadamard: 32 }],
  ])('that asks for work on activations is refused by its key, whatever is stored: %s', (key, more) => {
    for (const dtype of ['F8_E4M3', 'F32']) {
      expect(() => read({ quant_method: 'compressed-tensors', ...more }, dtype)).toThrow(
        expect.objectContaining({
          code: 'unknown_architecture',
          place: { file: 'config.json', field: `quantization_config.${key}` },
        }),
      );
    }
  });

  it.each([
    ['kv_cache_scheme', { num_bits: 8, type: 'float', strategy: 'tensor' }, '8-bit floats'],
    ['kv_cache_scheme', { num_bits: 8, type: 'int', strategy: 'tensor' }, '8-bit integers'],
    ['quantization_config.kv_cache_quant_algo', 'FP8', 'FP8'],
  ])('that rounds keys and values (%s) is told, unless their scales are counted', (key, scheme, how) => {
    const own = key.split('.').pop()!;
    const config = own.includes('algo')
      ? { quant_method: 'modelopt', quant_algo: 'FP8' }
      : { quant_method: 'compressed-tensors', config_groups: group({ num_bits: 8, type: 'float' }) };
    const { notes } = read({ ...config, [own]: scheme });
    expect(notes).toEqual([
      `The config stores keys and values in ${how} while the model runs (${key}). Whittle keeps them in floats.`,
    ]);
    const scale = { name: 'l.k_scale', dtype: 'F32', shape: [], bytes: 4, file: 'model.safetensors' };
    const withScale = new Map([...stored('F8_E4M3'), ['l.k_scale', scale] as const]);
    const beside = { quantization_config: { ...config, [own]: scheme } };
    expect(readQuantization(beside, 'config.json', withScale).notes).toEqual([]);
    expect(read({ ...config, [own]: null }).notes).toEqual([]);
  });

  it("is read from ModelOpt's own file where config.json has no such key", () => {
    const beside = (quant_algo: string | null) => ({
      raw: { producer: { name: 'modelopt' }, quantization: { quant_algo, kv_cache_quant_algo: 'FP8' } },
      file: 'hf_quant_config.json',
    });
    const readBeside = (quant_algo: string | null, dtype: string) =>
      readQuantization({}, 'config.json', stored(dtype), beside(quant_algo));
    expect(readBeside('FP8', 'F8_E4M3').widen).toEqual({ scaled: true });
    expect(readBeside(null, 'F8_E4M3').widen).toEqual({});
    expect(readBeside('NVFP4', 'BF16')).toEqual({ widen: {}, notes: [] });
    expect(readBeside('NVFP4', 'U8').packed).toEqual({ kind: 'fp4' });
    expect(() => readBeside('W4A8_AWQ', 'U8')).toThrow(
      expect.objectContaining({ place: { file: 'hf_quant_config.json', field: 'quantization.quant_algo' } }),
    );
  });

  it.each([
    ['quantization_config', 'fp8'],
    ['weight_block_size', { quant_method: 'fp8', weight_block_size: [0, 128] }],
    ['weight_block_size', { quant_method: 'fp8', weight_block_size: 128 }],
    ['config_groups', { quant_method: 'compressed-tensors' }],
    [
      'block_structure',
      {
        quant_method: 'compressed-tensors',
        config_groups: group({ num_bits: 8, type: 'float', block_structure: 'x' }),
      },
    ],
  ])('names a wrong %s', (field, config) => {
    expect(() => read(config)).toThrow(
      expect.objectContaining({
        code: 'bad_config',
        place: expect.objectContaining({ field: expect.stringContaining(field) }),
      }),
    );
  });

  it('is passed over where it is empty, as its kin in other tools are beside plain floats', () => {
    expect(read({}, 'BF16')).toEqual({ widen: {}, notes: [] });
    for (const key of ['quantization', 'compression_config']) {
      const { notes } = readQuantization({ [key]: { bits: 4 } }, 'config.json', stored('F16'));
      expect(notes.join()).toContain(`(${key})`);
      expect(withoutLeftOvers({ [key]: { bits: 4 }, vocab_size: 3 }, stored('F16'))).toEqual({ vocab_size: 3 });
      expect(withoutLeftOvers({ [key]: { bits: 4 } }, stored('U32'))).toEqual({ [key]: { bits: 4 } });
      const rotated = () => readQuantization({ [key]: { online_rotation: true } }, 'config.json', stored('F16'));
      expect(rotated).toThrow(`${key}.online_rotation`);
    }
  });

  it('without a method beside plain floats is refused with the key to remove', () => {
    expect(() => read({ bits: 4 }, 'BF16')).toThrow(
      expect.objectContaining({ action: expect.stringContaining('remove quantization_config') }),
    );
  });

  it('is judged by the weights, whatever masks and positions lie beside them', () => {
    const tensors = stored('F32');
    const more = [
      ['h.0.attn.bias', 'U8'],
      ['h.0.attn.mask', 'BOOL'],
      ['position_ids', 'I64'],
    ];
    for (const [name, dtype] of more) tensors.set(name, { name, dtype, shape: [1], bytes: 1, file: 'f' });
    const { notes } = readQuantization({ quantization_config: { quant_method: 'awq' } }, 'config.json', tensors);
    expect(notes.join()).toContain('left-over');
  });
});
