/**
 * @file Embedding and head of a sliced model: the four kinds of DESIGN.md, *Head*.
 */
import type { Tensor } from '../../backend/backend.ts';
import { choleskySolve } from '../../backend/linalg/cholesky.ts';
import { addProduct, transposed, view } from '../../backend/linalg/gemm.ts';
import type { DecoderModel, Embedding, Head, Norm } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import { WeightLoader } from '../../runtime/weights.ts';
import { scaleFree } from './fuse.ts';
import type { HeadKind } from './plan.ts';
import type { Basis } from './rotate.ts';
import type { WeightStore } from './store.ts';

/** Elements of a table that are on the device at once. */
const BLOCK_ELEMENTS = 8 * 1024 * 1024;

export interface Ends {
  embed_tokens: Embedding;
  norm: Norm;
  lm_head: Head;
}

export interface EndBases {
  /** Basis of the embedding. */
  first: Basis;
  /** Basis that the last layer's output is in: the identity for both tied heads. */
  last: Basis;
  /** Σ over all vocabulary of e·eᵀ, (D, D) upper triangle, f64: only `tied-sliced` needs it. */
  tableGram?: Float64Array;
}

/** Stores embedding, final norm and head of the given kind. */
export async function storeEnds(
  arena: Arena,
  store: WeightStore,
  model: DecoderModel,
  kind: HeadKind,
  bases: EndBases,
): Promise<Ends> {
  const loader = new WeightLoader(arena, true);
  const ends = await storeEndsOf(arena, store, loader, model, kind, bases);
  await loader.assertFinite();
  return ends;
}

async function storeEndsOf(
  arena: Arena,
  store: WeightStore,
  loader: WeightLoader,
  model: DecoderModel,
  kind: HeadKind,
  bases: EndBases,
): Promise<Ends> {
  const { embed_tokens, lm_head } = model;
  const norm_weight = model.norm.weight && (await loader.load(model.norm.weight));
  try {
    switch (kind) {
      case 'untied':
      case 'sliced':
        return {
          embed_tokens: { weight: await storeTable(arena, store, loader, embed_tokens, bases.first) },
          norm: scaleFree(model.norm),
          lm_head: { weight: await storeHead(arena, store, loader, lm_head, norm_weight, bases.last) },
        };
      case 'tied': {
        const projection = await projectionValues(arena, embed_tokens, bases.first);
        const D = bases.first.Q.shape[0];
        const tensor = arena.own(
          arena.backend.fromArray(projection, [D, bases.first.dimension], 'embedding_projection'),
        );
        return {
          embed_tokens: {
            weight: embed_tokens.weight,
            projection: await store.put(tensor, 'model.embed_tokens.projection'),
          },
          norm: model.norm,
          lm_head: { weight: embed_tokens.weight },
        };
      }
      case 'tied-sliced': {
        const table = await storeTable(arena, store, loader, embed_tokens, bases.first);
        const gamma = norm_weight && (await arena.backend.read(norm_weight));
        const projection = await projectionValues(arena, embed_tokens, bases.first);
        const back = leastSquaresHead(bases.tableGram as Float64Array, projection, gamma, bases.first);
        const shape = [bases.first.Q.shape[0], bases.first.dimension];
        const tensor = arena.own(arena.backend.fromArray(back, shape, 'head_projection'));
        return {
          embed_tokens: { weight: table },
          norm: scaleFree(model.norm),
          lm_head: { weight: table, projection: await store.put(tensor, 'lm_head.projection') },
        };
      }
    }
  } finally {
    arena.free(norm_weight);
  }
}

function rowsPerBlock(columns: number): number {
  return Math.max(1, Math.floor(BLOCK_ELEMENTS / columns));
}

/** E·Q[:, :d]. */
function storeTable(arena: Arena, store: WeightStore, loader: WeightLoader, embedding: Embedding, basis: Basis) {
  const [vocabulary, columns] = embedding.weight.shape;
  const compute = async (rows: { start: number; end: number }) => {
    const block = await loader.load(embedding.weight, rows);
    if (embedding.centered) arena.backend.center_rows({ hidden_states: block });
    const output = arena.empty([rows.end - rows.start, basis.dimension], 'sliced_embedding');
    arena.backend.matmul({ a: block, b: basis.Q, output });
    arena.free(block);
    return output;
  };
  return store.putBlocks('model.embed_tokens.weight', [vocabulary, basis.dimension], rowsPerBlock(columns), compute);
}

/** W·diag(γ)·Q[:, :d]. */
function storeHead(
  arena: Arena,
  store: WeightStore,
  loader: WeightLoader,
  head: Head,
  norm_weight: Tensor | undefined,
  basis: Basis,
) {
  const [vocabulary, columns] = head.weight.shape;
  const compute = async (rows: { start: number; end: number }) => {
    const block = await loader.load(head.weight, rows);
    if (norm_weight) {
      const scaled = arena.empty(block.shape, 'fused_head');
      arena.backend.scale_columns({ weight: block, scale: norm_weight, output: scaled });
      arena.free(block);
      return rotateBlock(arena, scaled, basis);
    }
    return rotateBlock(arena, block, basis);
  };
  return store.putBlocks('lm_head.weight', [vocabulary, basis.dimension], rowsPerBlock(columns), compute);
}

function rotateBlock(arena: Arena, block: Tensor, basis: Basis): Tensor {
  const output = arena.empty([block.shape[0], basis.dimension], 'rotated_head');
  arena.backend.matmul({ a: block, b: basis.Q, output });
  arena.free(block);
  return output;
}

/**
 * P = Q[:, :d], or (I − 11ᵀ/D)·Q[:, :d] where embeddings are centred, so that centring is part of the projection and the
 * table itself stays the original one. (D, d), row-major.
 */
async function projectionValues(arena: Arena, embedding: Embedding, basis: Basis): Promise<Float64Array> {
  const Q = await arena.backend.read(basis.Q);
  const D = basis.Q.shape[0];
  const d = basis.dimension;
  const projection = new Float64Array(D * d);
  for (let column = 0; column < d; column++) {
    let mean = 0;
    if (embedding.centered) {
      for (let row = 0; row < D; row++) mean += Q[row * D + column];
      mean /= D;
    }
    for (let row = 0; row < D; row++) projection[row * d + column] = Q[row * D + column] - mean;
  }
  return projection;
}

/**
 * M of DESIGN.md's `tied-sliced` head: the (D, d) matrix that makes M·E₁ᵀ the least-squares fit of diag(γ)·Eᵀ, with
 * E₁ = E·P and G = EᵀE: M = diag(γ)·G·P·(Pᵀ·G·P)⁻¹, in f64.
 */
export function leastSquaresHead(
  gram: Float64Array,
  projection: Float64Array,
  gamma: ArrayLike<number> | undefined,
  basis: Basis,
): Float64Array {
  const D = basis.Q.shape[0];
  const d = basis.dimension;
  const G = new Float64Array(D * D);
  for (let row = 0; row < D; row++) {
    for (let column = row; column < D; column++) {
      G[row * D + column] = gram[row * D + column];
      G[column * D + row] = gram[row * D + column];
    }
  }
  const P = view(projection, d);
  const GP = new Float64Array(D * d);
  addProduct(D, d, D, view(G, D), P, view(GP, d));
  const PGP = new Float64Array(d * d);
  addProduct(d, d, D, transposed(P), view(GP, d), view(PGP, d));
  // Solve (PᵀGP)·X = (GP)ᵀ: column r of X is row r of M, and PᵀGP is symmetric.
  const right = new Float64Array(d * D);
  for (let row = 0; row < D; row++) {
    const scale = gamma ? gamma[row] : 1;
    for (let column = 0; column < d; column++) right[column * D + row] = scale * GP[row * d + column];
  }
  const X = choleskySolve(PGP, right, d, D);
  const M = new Float64Array(D * d);
  for (let row = 0; row < D; row++)
    for (let column = 0; column < d; column++) M[row * d + column] = X[column * D + row];
  return M;
}

/** Gram of the embedding table, (D, D) with the upper triangle filled: EᵀE. */
export async function tableGram(arena: Arena, embedding: Embedding): Promise<Float64Array> {
  const [vocabulary, D] = embedding.weight.shape;
  const loader = new WeightLoader(arena);
  const covariance = arena.empty([D, D], 'table_gram');
  const step = rowsPerBlock(D);
  for (let start = 0; start < vocabulary; start += step) {
    const block = await loader.load(embedding.weight, { start, end: Math.min(vocabulary, start + step) });
    arena.backend.covariance({ hidden_states: block, covariance });
    arena.free(block);
  }
  const values = Float64Array.from(await arena.backend.read(covariance));
  arena.free(covariance);
  return values;
}
