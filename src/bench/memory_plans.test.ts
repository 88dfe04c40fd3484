import { describe, expect, it } from 'vitest';
import { DEFAULT_WINDOWS, LLAMA_7B, memoryPlans, OFFICIAL_WINDOWS, planned, SMOLLM2 } from './memory_plans.ts';

describe('planned memory of well-known models', () => {
  it('counts their parameters as their checkpoints have them', () => {
    expect(planned(SMOLLM2, DEFAULT_WINDOWS, 'sequential')).toMatchObject({
      ...{ parameters: 134_515_008, f32_bytes: 538_060_032 },
    });
    expect(planned(LLAMA_7B, OFFICIAL_WINDOWS, 'sequential').parameters).toBe(6_738_415_616);
  });

  it('slices 7 B within 2.5 GB, by both schedules', () => {
    const large = memoryPlans().filter(({ model }) => model === LLAMA_7B);
    expect(large.map(({ schedule }) => schedule)).toEqual(['sequential', 'rotate-once']);
    for (const { planned_gpu_bytes } of large) expect(planned_gpu_bytes).toBeLessThan(2.5e9);
  });

  it('slices 135 M within 35 % of its f32 bytes with the default windows', () => {
    for (const schedule of ['sequential', 'rotate-once'] as const) {
      expect(planned(SMOLLM2, DEFAULT_WINDOWS, schedule).share_of_f32).toBeLessThan(0.35);
    }
  });
});
