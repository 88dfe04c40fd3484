/**
 * The invariants of SliceGPT on every kind of block that permits it: fused = dense, rotated = dense, planned = counted. In f64 on
 * the CPU, where they hold to rounding. `invariants.test.ts` holds the WebGPU backend to them.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../src/backend/backend.ts';
import { createCpuBackend } from '../src/backend/cpu/cpu_backend.ts';
import type { CompressedModel } from '../src/compress/method.ts';
import { applyFusion } from '../src/compress/slicegpt/fuse.ts';
import { modelShape } from '../src/compress/slicegpt/model_shape.ts';
import { slicedParts, totalElements } from '../src/compress/slicegpt/parts.ts';
import { slicingRefusal } from '../src/compress/slicegpt/permits.ts';
import {
  constantDimensions,
  HEAD_KINDS,
  type HeadKind,
  headRefusal,
  sliceDimension,
} from '../src/compress/slicegpt/plan.ts';
import { calibrateDense, type DenseBases, sliceWithBases } from '../src/compress/slicegpt/rotate_once.ts';
import type { DecoderModel, WeightRef } from '../src/models/decoder_model.ts';
import { countParameters } from '../src/models/model_size.ts';
import { type Family, families } from './fixtures/families/family_model.ts';
import { familyJob } from './support/golden.ts';
import {
  compress,
  compressionContext,
  EXACT_SEQUENTIAL,
  perplexity,
  relativeDifference,
  type TestJob,
} from './support/slice_job.ts';

const OPTIONS = { ...EXACT_SEQUENTIAL, round: 1 } as const;
const SPARSITY = 0.25;
/** Families whose layers norm what they add to the residual stream. */
const REFUSED = /^(gemma2|gemma3|olmo2|glm4)/;

/** Blocks like another fixture's, save for what is between q, k and attention: slicing does not touch it. */
const ALIKE =
  /^(llama3|mistral|ministral|cwm|exaone|internlm3|iquestcoder|seed_oss|ernie4_5|helium|qwen2_window|phi3_longrope|phi_v5|gpt2_scaled)/;

const ALL = await families();
const backend: Backend = createCpuBackend();
afterAll(() => backend.dispose());

/** The standard basis as a stored Q: with it, "slicing" nothing is fusion and nothing else. */
function identityRef(size: number): WeightRef {
  const values = new Float32Array(size * size);
  for (let i = 0; i < size; i++) values[i * size + i] = 1;
  return { name: 'I', dtype: 'F32', shape: [size, size], read: async () => new Uint8Array(values.buffer.slice(0)) };
}

class Slicer {
  readonly heads: readonly HeadKind[];

  private constructor(
    readonly job: TestJob,
    readonly dense: number,
    private readonly fused: DecoderModel,
    readonly bases: DenseBases,
  ) {
    this.heads = HEAD_KINDS.filter((head) => !headRefusal(this.shape, head));
  }

  static async of(family: Family): Promise<Slicer> {
    const job = await familyJob(family);
    const fused = applyFusion(job.model, 'exact');
    const bases = await calibrateDense(fused, compressionContext(backend, job));
    return new Slicer(job, await perplexity(backend, job.model, job.evaluation), fused, bases);
  }

  get shape() {
    return modelShape(this.job.model);
  }

  once(head: HeadKind, dimension: number, bases = this.bases): Promise<CompressedModel> {
    const dimensions = constantDimensions(this.shape, dimension, head);
    return sliceWithBases(this.fused, head, dimensions, bases, compressionContext(backend, this.job));
  }

  /** By both schedules, named for messages. */
  async both(head: HeadKind, sparsity: number): Promise<[string, CompressedModel][]> {
    const dimension = sliceDimension(this.shape.hidden_size, sparsity, 1);
    const once = await this.once(head, dimension);
    const sequential = await compress(backend, this.job, { ...OPTIONS, head, sparsity });
    return [
      [`rotate-once, ${head}`, once],
      [`sequential, ${head}`, sequential],
    ];
  }

  /** |perplexity / dense perplexity − 1|. */
  async change({ model }: CompressedModel): Promise<number> {
    return relativeDifference(await perplexity(backend, model, this.job.evaluation), this.dense);
  }

  planned(head: HeadKind, sparsity: number): number {
    const { shape } = this;
    const dimension = sliceDimension(shape.hidden_size, sparsity, 1);
    return totalElements(slicedParts(shape, constantDimensions(shape, dimension, head), head));
  }
}

describe.each(ALL.filter(({ name }) => !REFUSED.test(name) && !ALIKE.test(name)))('$name', (family) => {
  let slicer: Slicer;
  beforeAll(async () => {
    slicer = await Slicer.of(family);
  });

  it('fused = dense (relative 1e-6)', async () => {
    const D = slicer.shape.hidden_size;
    const identity = { ...slicer.bases, bases: slicer.bases.bases.map(() => identityRef(D)) };
    const fused = await slicer.once('untied', D, identity);
    const { layers, norm } = fused.model;
    for (const each of [...layers.flatMap((l) => [l.input_layernorm, l.post_attention_layernorm]), norm]) {
      expect(each?.kind).toBe('rms_norm');
      expect(each?.weight ?? each?.bias).toBeUndefined();
    }
    expect(await slicer.change(fused)).toBeLessThan(1e-6);
  });

  it('rotated = dense (relative 1e-5), with every head that it allows and both schedules', async () => {
    for (const head of slicer.heads) {
      for (const [name, rotated] of await slicer.both(head, 0)) {
        expect(await slicer.change(rotated), name).toBeLessThan(1e-5);
        for (const { certificate, label } of rotated.sites) {
          expect(certificate.orthogonality_error, label).toBeLessThan(1e-12);
        }
      }
    }
  });

  it('a quarter less: as many parameters as planned, and a perplexity that changes', async () => {
    for (const head of slicer.heads) {
      for (const [name, sliced] of await slicer.both(head, SPARSITY)) {
        expect(countParameters(sliced.model), name).toBe(slicer.planned(head, SPARSITY));
        const change = await slicer.change(sliced);
        expect(change, name).toBeGreaterThan(1e-4);
        expect(change, name).toBeLessThan(1);
      }
    }
  });
});

describe.each(ALL.filter(({ name }) => REFUSED.test(name)))('$name', (family) => {
  it('is refused with the reason, before anything is measured', async () => {
    const job = await familyJob(family);
    await expect(compress(backend, job, { ...OPTIONS, sparsity: SPARSITY })).rejects.toMatchObject({
      code: 'not_sliceable',
      message: expect.stringMatching(/norm what they add to the residual stream/),
    });
    expect(modelShape(job.model).slicing_refusal).toBe(slicingRefusal(job.model)?.reason);
    // It still runs: families_dense.test.ts holds it to transformers.
  });
});
