import { describe, expect, it } from 'vitest';
import { WhittleError } from '../../errors/errors.ts';
import { readQuantization } from './quantization_config.ts';

const read = (quantization_config: unknown) => readQuantization({ quantization_config }, 'config.json');
const group = (weights: Record<string, unknown>) => ({ group_0: { targets: ['Linear'], weights } });

describe('quantization_config', () => {
  it.each([
    ['none', undefined, {}],
    ['null', null, {}],
    ['fp8 with blocks', { quant_method: 'fp8', weight_block_size: [64, 32] }, { block: [64, 32] }],
    ['fp8 without blocks', { quant_method: 'fp8', weight_block_size: null }, {}],
    ['fbgemm', { quant_method: 'fbgemm_fp8', activation_scale_ub: 1200 }, {}],
    [
      'compressed-tensors in channels',
      { quant_method: 'compressed-tensors', config_groups: group({ num_bits: 8, type: 'float', strategy: 'channel' }) },
      {},
    ],
    [
      'compressed-tensors in blocks',
      {
        quant_method: 'compressed-tensors',
        config_groups: group({ num_bits: 8, type: 'float', strategy: 'block', block_structure: [128, 64] }),
        sparsity_config: { format: 'dense' },
      },
      { block: [128, 64] },
    ],
  ])('is accepted: %s', (_, config, expected) => {
    expect(read(config)).toEqual(expected);
  });

  it.each([
    ['GPTQ', { quant_method: 'gptq', bits: 4 }, 'by "gptq"'],
    ['AWQ', { quant_method: 'awq' }, 'by "awq"'],
    ['bitsandbytes', { quant_method: 'bitsandbytes', load_in_4bit: true }, 'by "bitsandbytes"'],
    ['no method', { bits: 4 }, 'in a way that is not named'],
    ['text', 'fp8', 'in a way that is not named'],
    [
      'integers of compressed-tensors',
      { quant_method: 'compressed-tensors', config_groups: group({ num_bits: 4, type: 'int' }) },
      '4-bit int numbers',
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
        code: 'unknown_architecture',
        message: expect.stringContaining(message),
        action: expect.stringContaining('unquantised'),
      }),
    );
  });

  it.each([
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
});
