import { describe, expect, it } from 'vitest';
import { readTask, TASK_WORDS, writeTask } from './task_words.ts';

const buffer = new SharedArrayBuffer(1024);
const holds = (other: ArrayBufferLike) => other === buffer;

describe('a task in words', () => {
  it('comes back as it was written: arrays at their places, flags, names, absent fields', () => {
    const words = new Float64Array(TASK_WORDS);
    const task = {
      ...{ query: new Float32Array(buffer, 64, 8), key: new Float32Array(buffer, 128, 4) },
      ...{ value: new Float32Array(buffer, 192, 4), output: new Float32Array(buffer, 256, 8) },
      ...{ seqlen: 2, heads: 2, kv_heads: 1, head_dim: 2, scale: 0.3, soft_cap: 30 },
    };
    expect(writeTask(words, 'attention', task, holds)).toBe(true);
    const { name, task: found } = readTask(words, buffer);
    expect(name).toBe('attention');
    expect(found).toEqual(task);
    expect(found).not.toHaveProperty('window');
    expect(found).not.toHaveProperty('slopes');
    (found as typeof task).output[3] = 9;
    expect(task.output[3]).toBe(9);
  });

  it('names stay names', () => {
    const words = new Float64Array(TASK_WORDS);
    const array = new Float32Array(buffer, 0, 4);
    writeTask(words, 'activation', { activation: 'gelu_tanh', gate: array, output: array }, holds);
    expect(readTask(words, buffer).task).toMatchObject({ activation: 'gelu_tanh' });
    writeTask(words, 'decode', { dtype: 'Q4_1', bytes: new Uint8Array(buffer, 8, 20), output: array }, holds);
    expect(readTask(words, buffer).task).toMatchObject({ dtype: 'Q4_1', bytes: { length: 20 } });
  });

  it('is refused where an array is not in the memory of all threads', () => {
    const task = { a: new Float32Array(buffer, 0, 4), b: new Float32Array(4), output: new Float32Array(buffer, 64, 4) };
    expect(writeTask(new Float64Array(TASK_WORDS), 'add', task, holds)).toBe(false);
  });
});
