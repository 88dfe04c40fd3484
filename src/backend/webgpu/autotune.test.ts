import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createNodeGpu } from '../testing.ts';
import { autotune, type TuningStore, tune } from './autotune.ts';
import { untunedChoice } from './matmul_choice.ts';
import { DEFAULT_VARIANT, describeVariant, MATMUL_VARIANTS, type MatmulVariant } from './matmul_variants.ts';
import { createWebGpuBackend, type WebGpuBackend } from './webgpu_backend.ts';

const gpu = await createNodeGpu();
const SMALL = { budgetMs: 1, size: { m: 64, n: 64, k: 32 } };
const OTHER = MATMUL_VARIANTS[3];

function memoryStore(kept: Record<string, string> = {}) {
  const store: TuningStore = {
    get: vi.fn(async (key: string) => kept[key]),
    set: vi.fn(async (key: string, value: string) => {
      kept[key] = value;
    }),
  };
  return { store, kept };
}

describe.skipIf(!gpu)('autotune', () => {
  let backend: WebGpuBackend;
  beforeAll(async () => {
    backend = await createWebGpuBackend(gpu);
    Object.assign(backend.context, { prefersWideTiles: false });
  });
  afterAll(() => backend.dispose());

  it('gives a variant and a rate, leaves the choice as it was, and frees what it took', async () => {
    const { context, memory } = backend;
    const before = memory.currentBytes;
    const { variant, rate, times_default } = await tune(context, { ...SMALL, variants: [DEFAULT_VARIANT, OTHER] });
    expect([DEFAULT_VARIANT, OTHER]).toContainEqual(variant);
    expect(rate).toBeGreaterThan(0);
    if (variant === DEFAULT_VARIANT) expect(times_default).toBe(1);
    else expect(times_default).toBeGreaterThan(1.05);
    expect(context.matmulVariant).toBe(DEFAULT_VARIANT);
    expect(memory.currentBytes).toBe(before);
  });

  it('takes no variant that computes something else, however fast, nor one that the device does not allow', async () => {
    const { context } = backend;
    const large = { kernel: 'tiled', WORKGROUP_X: 64, WORKGROUP_Y: 64 } as const;
    // As if the driver got this shape wrong: it writes nothing, and is done at once.
    const dispatch = context.dispatch.bind(context);
    const seen: MatmulVariant[] = [];
    context.dispatch = (definition, tensors, params, overrides) => {
      seen.push(context.matmulVariant);
      if (context.matmulVariant !== OTHER) dispatch(definition, tensors, params, overrides);
      else {
        const { buffer, bytes } = tensors[tensors.length - 1]; // the output
        context.device.queue.writeBuffer(buffer, 0, new Float32Array(bytes / 4));
      }
    };
    const { variant } = await tune(context, { ...SMALL, budgetMs: 1000, variants: [OTHER, large] });
    context.dispatch = dispatch;
    expect(variant).toBe(DEFAULT_VARIANT);
    expect(seen).toContain(OTHER);
    expect(seen).not.toContain(large);
  });

  it('keeps the choice by its key, and believes no store that holds something else', async () => {
    const { context } = backend;
    const choice = JSON.stringify({ variant: OTHER, rate: 5e12, times_default: 2 });
    const { store } = memoryStore({ here: choice });
    const dispatched = vi.spyOn(context, 'dispatch');
    expect(await autotune(context, store, 'here')).toEqual({ variant: OTHER, rate: 5e12, times_default: 2 });
    expect(context.matmulVariant).toBe(OTHER);
    expect(dispatched).not.toHaveBeenCalled();
    const narrow = { variants: [DEFAULT_VARIANT], ...SMALL };
    const unknown = '{"variant":{"kernel":"tiled","WORKGROUP_X":99,"WORKGROUP_Y":1},"rate":1,"times_default":1}';
    const incomplete = JSON.stringify({ variant: OTHER, rate: 1 });
    for (const spoilt of ['{', unknown, incomplete, '{}']) {
      const { store, kept } = memoryStore({ here: spoilt });
      const tuned = await autotune(context, store, 'here', narrow);
      expect(tuned.variant).toEqual(DEFAULT_VARIANT);
      expect(JSON.parse(kept.here)).toEqual(tuned);
    }
    const broken: TuningStore = { get: () => Promise.reject(new Error()), set: () => Promise.reject(new Error()) };
    expect((await autotune(context, broken, 'here', narrow)).variant).toEqual(DEFAULT_VARIANT);
  });

  it('is told in what is known of the backend, and does not run on a software adapter', async () => {
    const told = () => backend.info.capabilities?.matmul_variant;
    const { store } = memoryStore({ here: JSON.stringify({ variant: OTHER, rate: 5e12, times_default: 2 }) });
    const untuned = told();
    const { isFallbackAdapter } = backend.info;
    if (isFallbackAdapter) {
      await backend.tune(store, 'here');
      expect(told()).toBe(untuned);
    }
    backend.info = { ...backend.info, isFallbackAdapter: false };
    await backend.tune(store, 'here');
    const measured = { times_default: 2, multiply_adds_per_second: 5e12 };
    expect(told()).toEqual({ name: describeVariant(OTHER), chosen_by: 'measurement', ...measured });
    backend.info = { ...backend.info, isFallbackAdapter };
  });

  it('is the default or the panels before', () => {
    const matmulVariant = DEFAULT_VARIANT;
    const wide = { name: 'subgroup panels ×32', chosen_by: 'software adapter' };
    expect(untunedChoice({ prefersWideTiles: true, matmulVariant })).toEqual(wide);
    const narrow = { name: 'tiled 8×8', chosen_by: 'default' };
    expect(untunedChoice({ prefersWideTiles: false, matmulVariant })).toEqual(narrow);
  });
});
