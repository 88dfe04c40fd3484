/**
 * @file Embedding and head of a sliced model: the four kinds of DESIGN.md, *Head*.
 */
import type { Tensor } from '../../backend/backend.ts';
import type { DecoderModel, Embedding, Head, Norm } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import { tableBlockRows } from '../../runtime/budgets.ts';
import { embeddingRows } from '../../runtime/embed.ts';
import { type DeviceNorm, WeightLoader } from '../../runtime/weights.ts';
import { scaleFree } from './fuse.ts';
import { leastSquaresHead } from './least_squares_head.ts';
import type { HeadKind } from './plan.ts';
import { type Basis, fusedBias, rotateRows } from './rotate.ts';
import type { WeightStore } from './store.ts';

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
  const norm = await loader.norm(model.norm);
  const ends = await new EndsWriter(arena, store, loader, model, bases).write(kind, norm);
  arena.free(norm.weight, norm.bias);
  await loader.assertFinite();
  return ends;
}

class EndsWriter {
  constructor(
    private readonly arena: Arena,
    private readonly store: WeightStore,
    private readonly loader: WeightLoader,
    private readonly model: DecoderModel,
    private readonly bases: EndBases,
  ) {}

  async write(kind: HeadKind, norm: DeviceNorm): Promise<Ends> {
    const { scale, soft_cap } = this.model.lm_head;
    const scaling = { ...(scale !== undefined && { scale }), ...(soft_cap !== undefined && { soft_cap }) };
    const positions = await this.positions();
    switch (kind) {
      case 'untied':
      case 'sliced':
        return {
          embed_tokens: { weight: await this.table(), ...positions },
          norm: scaleFree(norm),
          lm_head: { weight: await this.head(norm.weight), ...(await this.headBias(norm)), ...scaling },
        };
      case 'tied':
        return this.tied(positions, scaling);
      case 'tied-sliced':
        return this.tiedSliced(norm, positions, scaling);
    }
  }

  /** The original table at both ends. The last basis is the identity, so the norm keeps γ and β. */
  private async tied(positions: Pick<Embedding, 'positions'>, scaling: Partial<Head>): Promise<Ends> {
    const { arena, store, model, bases } = this;
    const { embed_tokens, lm_head, norm } = model;
    const D = bases.first.Q.shape[0];
    const projection = await projectionValues(arena, embed_tokens, bases.first);
    const tensor = arena.own(arena.backend.fromArray(projection, [D, bases.first.dimension], 'embedding_projection'));
    const weight = store.keep(embed_tokens.weight);
    return {
      embed_tokens: {
        weight,
        ...(embed_tokens.scale !== undefined && { scale: embed_tokens.scale }),
        ...(embed_tokens.norm && { norm: embed_tokens.norm }),
        projection: await store.put(tensor, 'model.embed_tokens.projection'),
        ...positions,
      },
      // The residual stream of a LayerNorm model is centred by now, and so the same as RMSNorm.
      norm: { ...norm, kind: 'rms_norm' },
      lm_head: { weight, ...(lm_head.bias && { bias: store.keep(lm_head.bias) }), ...scaling },
    };
  }

  private async tiedSliced(
    norm: DeviceNorm,
    positions: Pick<Embedding, 'positions'>,
    scaling: Partial<Head>,
  ): Promise<Ends> {
    const { arena, store, model, bases } = this;
    const { scale, ...unscaled } = model.embed_tokens;
    // The table serves the head too, so the input's scale stays a factor instead of going into it.
    const table = await this.table(unscaled);
    const gamma = norm.weight && (await arena.backend.read(norm.weight));
    const projection = await projectionValues(arena, model.embed_tokens, bases.first);
    const back = await leastSquaresHead(bases.tableGram as Float64Array, projection, gamma, bases.first);
    const tensor = arena.own(
      arena.backend.fromArray(back, [bases.first.Q.shape[0], bases.first.dimension], 'head_projection'),
    );
    return {
      embed_tokens: { weight: table, ...(scale !== undefined && { scale }), ...positions },
      norm: scaleFree(norm),
      lm_head: {
        weight: table,
        projection: await store.put(tensor, 'lm_head.projection'),
        ...(await this.headBias(norm)),
        ...scaling,
      },
    };
  }

  /** centre(norm(scale · E))·Q[:, :d]. */
  private table(embedding: Embedding = this.model.embed_tokens) {
    const { arena, store, loader, bases } = this;
    const [vocabulary, columns] = embedding.weight.shape;
    const compute = async (rows: { start: number; end: number }) => {
      const block = await embeddingRows(arena, loader, embedding, await loader.load(embedding.weight, rows));
      return this.rotated(block, undefined, bases.first);
    };
    const shape = [vocabulary, bases.first.dimension] as const;
    return store.putBlocks('model.embed_tokens.weight', shape, this.blockRows(columns), compute);
  }

  /** centre(P)·Q[:, :d] for learned positions. */
  private async positions(): Promise<Pick<Embedding, 'positions'>> {
    const { arena, store, loader, bases } = this;
    const { positions, centered } = this.model.embed_tokens;
    if (!positions) return {};
    const [count, columns] = positions.weight.shape;
    const compute = async (rows: { start: number; end: number }) => {
      const block = await loader.load(positions.weight, rows);
      if (centered) arena.backend.center_rows({ hidden_states: block });
      return this.rotated(block, undefined, bases.first);
    };
    const shape = [count, bases.first.dimension] as const;
    const weight = await store.putBlocks('model.embed_positions.weight', shape, this.blockRows(columns), compute);
    return { positions: { weight, offset: positions.offset } };
  }

  /** W·diag(γ)·Q[:, :d]. */
  private head(gamma: Tensor | undefined) {
    const { store, loader, bases } = this;
    const { weight } = this.model.lm_head;
    const [vocabulary, columns] = weight.shape;
    const compute = async (rows: { start: number; end: number }) =>
      this.rotated(await loader.load(weight, rows), gamma, bases.last);
    return store.putBlocks('lm_head.weight', [vocabulary, bases.last.dimension], this.blockRows(columns), compute);
  }

  /** b + W·β, (V): the head gains a bias from the final norm (slicegpt.md §2, step 5). */
  private async headBias({ bias: beta }: DeviceNorm): Promise<Pick<Head, 'bias'>> {
    const { arena, store, loader } = this;
    const { weight, bias } = this.model.lm_head;
    if (!beta) return bias ? { bias: store.keep(bias) } : {};
    const [vocabulary, columns] = weight.shape;
    const compute = async (rows: { start: number; end: number }) => {
      const linear = { weight: await loader.load(weight, rows), bias: bias && (await loader.load(bias, rows)) };
      const fused = fusedBias(arena, linear, beta);
      arena.free(linear.weight, linear.bias);
      return fused;
    };
    return { bias: await store.putBlocks('lm_head.bias', [vocabulary], this.blockRows(columns), compute) };
  }

  private blockRows(columns: number): number {
    return tableBlockRows(columns, this.arena.backend.info.maxTensorBytes);
  }

  private rotated(block: Tensor, gamma: Tensor | undefined, basis: Basis): Tensor {
    const output = rotateRows(this.arena, block, gamma, basis, 'rotated_table');
    this.arena.free(block);
    return output;
  }
}

/**
 * P = Q[:, :d], or (I − 11ᵀ/D)·Q[:, :d] where embeddings are centred, so that centring is part of the projection and the
 * table itself stays the original one. (D, d), row-major.
 */
async function projectionValues(arena: Arena, embedding: Embedding, basis: Basis): Promise<Float64Array> {
  const Q = await arena.backend.read(basis.Q);
  const [D, width] = basis.Q.shape;
  const d = basis.dimension;
  const projection = new Float64Array(D * d);
  for (let column = 0; column < d; column++) {
    let mean = 0;
    if (embedding.centered) {
      for (let row = 0; row < D; row++) mean += Q[row * width + column];
      mean /= D;
    }
    for (let row = 0; row < D; row++) projection[row * d + column] = Q[row * width + column] - mean;
  }
  return projection;
}
