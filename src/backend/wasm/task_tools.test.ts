import { describe, expect, it } from 'vitest';
import { createCrew } from './crew.ts';
import { createSharedMemory } from './heap.ts';
import { placeIn, SCRATCH_BYTES, TaskTools } from './task_tools.ts';

const PAGE = 65536;

/** A memory with room for one thread's scratch. */
function memoryForOne(): WebAssembly.Memory {
  const memory = createSharedMemory();
  if (!memory) throw new Error('Node gave no shared memory.');
  memory.grow(Math.ceil(SCRATCH_BYTES / PAGE));
  return memory;
}

describe('tools of a thread', () => {
  it('reach their own scratch, and tensors, by address after the memory has grown', () => {
    const memory = memoryForOne();
    const tools = new TaskTools(placeIn(memory, 64));
    const before = new Float32Array(memory.buffer, 64, 4);
    const scores = tools.scores(16);
    memory.grow(16);
    expect(scores.buffer).not.toBe(memory.buffer);
    expect([scores, tools.scores(16), tools.panel].map((array) => tools.holds(array))).toEqual([true, true, true]);
    expect(tools.holds(before)).toBe(true);
    expect(tools.holds(new Float32Array(memory.buffer, 64, 4))).toBe(true);
    expect(tools.holds(new Float32Array(4))).toBe(false);
  });

  it('do so on the thread that has the heap, whose first scratch was what the memory grew for', async () => {
    const crew = await createCrew(0, async () => undefined);
    if (!crew) throw new Error('Node gave no shared memory.');
    const tools = new TaskTools(crew.place);
    const scores = tools.scores(16);
    const tensor = crew.heap.floats(2 ** 20);
    expect(scores.buffer).not.toBe(crew.heap.memory.buffer);
    expect([scores, tensor].map((array) => tools.holds(array))).toEqual([true, true]);
  });

  it('make the same probabilities where scores lie before and after it has grown, in place', () => {
    const memory = memoryForOne();
    const tools = new TaskTools(placeIn(memory, 64));
    const { math } = tools;
    const rows = { rows: 3, keys: 8, stride: 8, seen: 4 };
    const softmaxOfScores = () => {
      const scores = tools.scores(24);
      for (let i = 0; i < 24; i++) scores[i] = Math.sin(i);
      expect(math.causalSoftmax(scores, rows, 0.5)).toBe(true);
      return scores.slice(0, 24);
    };
    const before = softmaxOfScores();
    memory.grow(16);
    expect(softmaxOfScores()).toEqual(before);
  });
});
