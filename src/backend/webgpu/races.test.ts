import { describe, expect, it } from 'vitest';
import { detectRaces } from 'wgsl_reflect/wgsl_reflect.module.js';
import inverseRmsSource from '../../../shaders/common/inverse_rms.wgsl?raw';
import crossEntropySource from '../../../shaders/cross_entropy.wgsl?raw';
import layerNormSource from '../../../shaders/layer_norm.wgsl?raw';
import rmsNormSource from '../../../shaders/rms_norm.wgsl?raw';
import rmsScaleSource from '../../../shaders/rms_scale.wgsl?raw';

const WORKGROUP_SIZE = 8;

/** The detector sizes workgroup arrays before it knows overrides, so they become constants. */
function withConstants(source: string): string {
  return source.replace(/override (\w+): u32 = \d+;/g, (_, name) => {
    return `const ${name} = ${name === 'WORKGROUP_SIZE' ? WORKGROUP_SIZE : 1}u;`;
  });
}

function params(words: number[], floats: number[] = []): { uniform: ArrayBuffer } {
  const uniform = new ArrayBuffer(16);
  new Uint32Array(uniform).set(words);
  new Float32Array(uniform).set(floats, words.length);
  return { uniform };
}

const rows = 2;
const columns = 11;

/** Input, weight, bias, output. */
const normStorage = () => [
  new Float32Array(rows * columns).fill(1),
  new Float32Array(columns),
  new Float32Array(columns),
  new Float32Array(rows * columns),
];

const KERNELS = [
  {
    name: 'rms_norm',
    source: `${rmsNormSource}\n${inverseRmsSource}`,
    storage: normStorage,
    params: () => params([rows, columns], [columns, 1e-5]),
  },
  {
    name: 'rms_scale',
    source: `${rmsScaleSource}\n${inverseRmsSource}`,
    storage: () => [new Float32Array(rows * columns).fill(1), new Float32Array(rows)],
    params: () => params([rows, columns], [columns, 1e-5]),
  },
  { name: 'layer_norm', source: layerNormSource, storage: normStorage, params: () => params([rows, columns], [1e-5]) },
  {
    name: 'cross_entropy',
    source: crossEntropySource,
    storage: () => [new Float32Array(rows * columns).fill(1), new Uint32Array(rows), new Float32Array(rows * 4)],
    params: () => params([rows, columns, 0]),
  },
];

describe.each(KERNELS)('the workgroup memory of $name', (kernel) => {
  const run = (source: string) => {
    const groups = { 0: { ...kernel.storage() }, 1: { 0: kernel.params() } };
    return detectRaces(withConstants(source), 'main', [rows, 1, 1], groups);
  };

  it('is free of races', () => {
    expect(run(kernel.source)).toEqual({ races: [], errors: [] });
  });

  it('needs every barrier', () => {
    const barriers = [...kernel.source.matchAll(/workgroupBarrier\(\);/g)];
    expect(barriers.length).toBeGreaterThan(0);
    for (const { index } of barriers) {
      const without = `${kernel.source.slice(0, index)}${kernel.source.slice(index + 'workgroupBarrier();'.length)}`;
      expect(run(without).races.length).toBeGreaterThan(0);
    }
  });
});
