/** @file What one thread computes tasks with, and where in a shared memory its scratch lies. */
import type { AddProduct } from '../linalg/gemm.ts';
import { PanelProduct, type WasmPlace } from '../linalg/panel_product.ts';
import { sharedScratchBytes } from '../linalg/panel_scratch.ts';
import { SecularRows } from '../linalg/secular_kernel.ts';
import { TileChoice } from '../linalg/tile_choice.ts';
import { hasFusedMultiplyAdd, type TileWidth } from '../linalg/tile_kernel.ts';
import { createVectorKernel, type VectorKernel } from '../linalg/vector_kernel.ts';
import { type BlockKernel, createBlockKernel } from './block_kernel.ts';
import { type BlockQuads, createBlockQuads } from './block_quads.ts';
import { type ByteKernel, createByteKernel } from './byte_kernel.ts';
import { EpilogueKernel } from './epilogue.ts';
import { createHalfKernel, type HalfKernel } from './half_kernel.ts';
import { createLineKernel, type LineKernel } from './line_kernel.ts';
import { LogitMath } from './logit_math.ts';
import { MemoryViews } from './memory_views.ts';
import { createPackedKernel, type PackedKernel } from './packed_kernel.ts';
import type { PackedForm } from './packed_layout.ts';
import { RowMath } from './row_math.ts';
import { createSparseKernel, type SparseKernel } from './sparse_kernel.ts';
import type { SparseLayout } from './sparse_layout.ts';
import { STAGING_BYTES, Staging } from './staging.ts';
import { VectorMath } from './vector_math.ts';

/** A shared memory, and the address of one thread's scratch in it. */
export type ToolPlace = WasmPlace & { scratch: number; views: MemoryViews };

/** Scratch from this address on. @param views Of the memory's heap, on the thread that has it. */
export function placeIn(memory: WebAssembly.Memory, scratch: number, views = new MemoryViews(memory)): ToolPlace {
  return { memory, scratch, views, holds: (buffer) => views.holds(buffer) };
}

/** Elements of the attention scores that lie in scratch memory; longer sequences have an array of their own. */
const SCORES = 2 ** 19;
/** Poles of the secular equations that are solved there: larger ones have a memory of their own. */
const MOST_POLES = 8200;

/** Scratch of one thread: scores, products in f32 and f64, stretches of vectors. */
const PRODUCT64_AT = 4 * SCORES + sharedScratchBytes('f32');
const STAGING_AT = PRODUCT64_AT + sharedScratchBytes('f64');
export const SCRATCH_BYTES = STAGING_AT + STAGING_BYTES;

/** What one thread computes with; its scratch memory is its own. Made as it is needed. */
export class TaskTools {
  private readonly parts: {
    product?: PanelProduct;
    product64?: PanelProduct;
    staging?: Staging;
    math?: VectorMath;
    rows?: RowMath;
    logits?: LogitMath;
    epilogue?: EpilogueKernel;
    line?: LineKernel;
    halves?: HalfKernel;
    blocks?: BlockKernel;
    quads?: BlockQuads;
    bytes?: ByteKernel;
    byteTiles?: TileChoice;
    vectors?: VectorKernel;
    secular?: SecularRows;
  } = {};
  private readonly packedKernels = new Map<string, PackedKernel>();
  private readonly sparseKernels = new Map<string, SparseKernel>();
  private kept: Float32Array = new Float32Array(0);

  /**
   * @param place None where tensors are arrays of their own.
   * @param tiles Of products in f32; by default those that are found to be the faster ones.
   */
  constructor(
    private readonly place?: ToolPlace,
    private readonly tiles?: TileWidth,
  ) {
    if (place) this.kept = new Float32Array(place.views.buffer, place.scratch, SCORES);
  }

  get product(): PanelProduct {
    const { place, parts } = this;
    parts.product ??= new PanelProduct('f32', undefined, place && at(place, 4 * SCORES), this.tiles);
    return parts.product;
  }

  /** Fused, too, where the engine can: only the reference has to give the same bits everywhere. */
  get product64(): PanelProduct {
    const { place, parts } = this;
    parts.product64 ??= new PanelProduct('f64', undefined, place && at(place, PRODUCT64_AT));
    return parts.product64;
  }

  /** What the f64 solvers multiply with. */
  readonly addProduct: AddProduct = Object.assign<AddProduct, Partial<AddProduct>>(
    (m, n, k, a, b, c, upper) => this.product64.multiply(m, n, k, a, b, c, { adds: true, upper }),
    {
      kernelFor: (values) => this.vectorsFor(values),
      secularRows: (length) => this.secularRows(length),
      isFused: hasFusedMultiplyAdd('f64'),
    },
  );

  /** Where scores lie else. Only where tensors lie in shared memory. */
  secularRows(length: number): SecularRows | undefined {
    const { place, parts } = this;
    if (!place || length > MOST_POLES) return undefined;
    parts.secular ??= new SecularRows(MOST_POLES, place);
    return parts.secular;
  }

  /** The loops of the tridiagonal reduction, for an array that lies in the shared memory. */
  vectorsFor({ buffer }: Float64Array | Float32Array): VectorKernel | undefined {
    const { place, parts } = this;
    if (!place?.holds(buffer)) return undefined;
    parts.vectors ??= createVectorKernel(place.memory, hasFusedMultiplyAdd('f64'));
    return parts.vectors;
  }

  get epilogue(): EpilogueKernel {
    this.parts.epilogue ??= new EpilogueKernel(this.product.memory, (values) => this.holds(values));
    return this.parts.epilogue;
  }

  /** Only where tensors lie in shared memory. */
  get line(): LineKernel {
    this.parts.line ??= createLineKernel(this.product.memory);
    return this.parts.line;
  }

  /** Only where tensors lie in shared memory. */
  get halves(): HalfKernel {
    this.parts.halves ??= createHalfKernel(this.product.memory);
    return this.parts.halves;
  }

  /** Only where tensors lie in shared memory. */
  get blocks(): BlockKernel {
    this.parts.blocks ??= createBlockKernel(this.product.memory);
    return this.parts.blocks;
  }

  /** Only where tensors lie in shared memory. */
  get bytes(): ByteKernel {
    this.parts.bytes ??= createByteKernel(this.product.memory);
    return this.parts.bytes;
  }

  /** Only where tensors lie in shared memory. */
  get quads(): BlockQuads {
    this.parts.quads ??= createBlockQuads(this.product.memory);
    return this.parts.quads;
  }

  /** Which tiles of bytes are the faster ones. */
  get byteTiles(): TileChoice {
    this.parts.byteTiles ??= new TileChoice(this.tiles);
    return this.parts.byteTiles;
  }

  /** Whether kernels reach the array by its address. */
  holds({ buffer }: Float32Array | Uint8Array): boolean {
    return this.place?.holds(buffer) ?? false;
  }

  /** The loops for a form of packing; only where tensors lie in shared memory. */
  packed({ bits, scale, zero }: PackedForm): PackedKernel {
    const key = `${bits} ${scale} ${zero}`;
    const found = this.packedKernels.get(key) ?? createPackedKernel({ bits, scale, zero }, this.product.memory);
    this.packedKernels.set(key, found);
    return found;
  }

  /** The loops for values of a type; only where tensors lie in shared memory. */
  sparse(floats: SparseLayout['floats']): SparseKernel {
    const found = this.sparseKernels.get(floats) ?? createSparseKernel(floats, this.product.memory);
    this.sparseKernels.set(floats, found);
    return found;
  }

  /** Scratch in the shared memory, until the next call of it or of `scores`. */
  get panel(): Float32Array {
    return this.scores(SCORES);
  }

  get math(): VectorMath {
    this.parts.math ??= new VectorMath(this.staging);
    return this.parts.math;
  }

  get rows(): RowMath {
    this.parts.rows ??= new RowMath(this.staging);
    return this.parts.rows;
  }

  private get staging(): Staging {
    const { place, parts } = this;
    parts.staging ??= new Staging(place && at(place, STAGING_AT));
    return parts.staging;
  }

  get logits(): LogitMath {
    this.parts.logits ??= new LogitMath(this.staging);
    return this.parts.logits;
  }

  /** Room for so many numbers, until the next call. */
  scores(elements: number): Float32Array {
    if (this.kept.length < elements) this.kept = new Float32Array(elements);
    return this.kept;
  }
}

function at(place: ToolPlace, offset: number): ToolPlace {
  return { ...place, scratch: place.scratch + offset };
}
