/**
 * @file `recover`, on the way of a sequential slicing: the dense stream runs beside the sliced one, and before the basis
 * behind a half is chosen, its shortcut and output linear are refitted so that the sliced stream gives the dense one again
 * (`recovery_fit.ts`). With `inputs`, what reads the sliced stream is refitted first, towards its own outputs in the dense
 * model. Nothing is stored here: the loaded weights change in place.
 */
import type { Tensor } from '../../backend/backend.ts';
import { throwIfCancelled } from '../../backend/event_loop.ts';
import type { DecoderLayer, DecoderModel } from '../../models/decoder_model.ts';
import type { Arena } from '../../runtime/arena.ts';
import { embedTokens } from '../../runtime/embed.ts';
import { attentionMixed, mlpActivated, type RotaryTable } from '../../runtime/forward.ts';
import { addBranch, applyLinear, productInput, residual } from '../../runtime/layer_products.ts';
import type { BatchStates } from '../../runtime/spill.ts';
import {
  type DeviceAttention,
  type DeviceLinear,
  type DeviceMlp,
  type DeviceNorm,
  freeDevicePart,
} from '../../runtime/weights.ts';
import { linalgOptions } from '../layerwise/change_linears.ts';
import type { CompressionContext } from '../method.ts';
import type { FusedLoader } from './fuse.ts';
import { type FitPair, FitSums, fitted, tokenWeights, weighted } from './recovery_fit.ts';
import { type Basis, intoBasis } from './rotate.ts';

export interface RecoverOptions {
  readonly ridge: number | 'auto';
  readonly inputs: boolean;
  readonly input_ridge: number | 'auto';
}

/** A half of a layer, or both of a parallel one: what writes into the stream together. */
type Halves = { readonly attention?: DeviceAttention; readonly mlp?: DeviceMlp };

/** Share of the batches that choose the ridge. */
const HELD = 1 / 4;

export class Recovery {
  /**
   * @param model Dense, with norms as fusion leaves them. @param dense Its stream, of each batch.
   * @param sliced The sliced stream, (rows, D), to be moved into the basis of the site at hand.
   */
  constructor(
    private readonly arena: Arena,
    private readonly model: DecoderModel,
    private readonly fused: FusedLoader,
    private readonly dense: BatchStates,
    private readonly sliced: BatchStates,
    private readonly options: RecoverOptions,
    private readonly context: CompressionContext,
  ) {}

  /** Embeds the calibration windows. @param ids Of the batches of the sliced stream. */
  async begin(ids: readonly Uint32Array[]): Promise<void> {
    const { arena, fused, model, context } = this;
    const { seqlen } = context.calibration;
    await embedTokens(arena, fused.weights, model.embed_tokens, ids, seqlen, (x, index) => this.dense.put(index, x));
  }

  /** Refits the halves that are given, whose inputs are in `basis` and whose outputs have D dimensions. */
  async refit(layer: DecoderLayer, halves: Halves, basis: Basis, table: RotaryTable | undefined): Promise<void> {
    const { arena, fused } = this;
    const own = this.model.layers[layer.index];
    const dense: Halves = {
      ...(halves.attention && { attention: await fused.attention(own) }),
      ...(halves.mlp && { mlp: await fused.mlp(own) }),
    };
    if (this.options.inputs) {
      const { attention, mlp } = halves;
      if (attention && dense.attention) {
        const pairs = (['q_proj', 'k_proj', 'v_proj'] as const).map(
          (name) => [attention[name], dense.attention?.[name]] as const,
        );
        await this.refitInputs(pairs, attention.input_layernorm, dense.attention.input_layernorm, basis);
      }
      if (mlp && dense.mlp) {
        const pairs = (['gate_proj', 'up_proj'] as const).map((name) => [mlp[name], dense.mlp?.[name]] as const);
        await this.refitInputs(pairs, mlp.post_attention_layernorm, dense.mlp.post_attention_layernorm, basis);
      }
    }
    await this.refitOutputs(layer, own, halves, dense, basis, table);
    for (const half of [dense.attention, dense.mlp]) if (half) freeDevicePart(arena, half);
    arena.freeWorkspace();
  }

  /** W of linears that read the sliced stream, towards what they give in the dense model. */
  private async refitInputs(
    pairs: readonly (readonly [own: DeviceLinear | undefined, dense: DeviceLinear | undefined])[],
    norm: DeviceNorm | undefined,
    denseNorm: DeviceNorm | undefined,
    basis: Basis,
  ): Promise<void> {
    const { arena } = this;
    const alike = pairs.flatMap(([own, dense]) => {
      // Pruned heads or channels have no counterpart.
      return own && dense && own.weight.shape[0] === dense.weight.shape[0] ? [{ own, dense }] : [];
    });
    if (alike.length === 0) return;
    const sums = this.sums([basis.dimension], alike.length, this.options.input_ridge);
    await this.eachBatch(async (x, xDense, isHeld) => {
      const states = copied(arena, productInput(arena, norm, x, 'recovery_input', true).states);
      const denseStates = productInput(arena, denseNorm, xDense, 'recovery_dense_input', true).states;
      const missing = alike.map(({ own, dense }) => {
        const wanted = copied(arena, applyLinear(arena, dense, { states: denseStates }, 'recovery_output'));
        subtract(arena, wanted, applyLinear(arena, own, { states }, 'recovery_output'));
        return wanted;
      });
      await sums.all.add([states], missing);
      if (isHeld) await sums.held?.add([states], missing);
      arena.free(states, ...missing);
      return undefined;
    }, basis);
    const moved = await fitted(sums, this.options.input_ridge, linalgOptions(this.context));
    for (const [i, { own }] of alike.entries()) if (moved) await this.move(own, moved[i]);
  }

  /** Shortcut and output linears, towards the dense stream behind them; the dense stream moves on. */
  private async refitOutputs(
    layer: DecoderLayer,
    denseLayer: DecoderLayer,
    halves: Halves,
    dense: Halves,
    basis: Basis,
    table: RotaryTable | undefined,
  ): Promise<void> {
    const { arena, context } = this;
    const { seqlen } = context.calibration;
    const factor = layer.residual_multiplier ?? 1;
    const outputs = outputsOf(halves);
    const run = (of: DecoderLayer, { attention, mlp }: Halves, x: Tensor): Tensor[] => [
      ...(attention ? [copied(arena, attentionMixed(arena, of.attention, attention, table, seqlen, x))] : []),
      ...(mlp ? [copied(arena, mlpActivated(arena, of.mlp, mlp, seqlen, x))] : []),
    ];
    const sum = (of: Halves, x: Tensor, mixed: readonly Tensor[]): Tensor => {
      const total = residual(
        arena,
        copied(arena, x),
        of.attention ? of.attention.attn_shortcut_Q : of.mlp?.mlp_shortcut_Q,
      );
      outputsOf(of).forEach(({ linear, half }, i) => {
        addBranch(arena, linear, half, mixed[i], total, 'recovery_branch');
      });
      return total;
    };
    const sums = this.sums(
      [basis.dimension, ...outputs.map(({ linear }) => linear.weight.shape[1])],
      1,
      this.options.ridge,
    );
    await this.eachBatch(async (x, xDense, isHeld) => {
      const mixed = run(layer, halves, x);
      const denseMixed = run(denseLayer, dense, xDense);
      const wanted = sum(dense, xDense, denseMixed);
      const reached = sum(halves, x, mixed);
      const missing = copied(arena, wanted);
      subtract(arena, missing, reached);
      const weights = this.weightsOf(
        wanted,
        outputs.map(({ linear }) => linear.bias),
        factor,
      );
      if (factor !== 1) for (const states of mixed) arena.backend.scale({ hidden_states: states, factor });
      const features = [x, ...mixed].map((states) => weighted(arena, states, weights));
      const residuals = [weighted(arena, missing, weights)];
      await sums.all.add(features, residuals);
      if (isHeld) await sums.held?.add(features, residuals);
      arena.free(...mixed, ...denseMixed, reached, missing, weights, ...features, ...residuals);
      return wanted;
    }, basis);
    const moved = await fitted(sums, this.options.ridge, linalgOptions(context));
    if (!moved) return;
    const [B] = moved;
    const D = layer.mlp.down_proj.weight.shape[0];
    let at = basis.dimension * D;
    const shortcutPart = B.subarray(0, at);
    if (halves.attention?.attn_shortcut_Q) {
      halves.attention.attn_shortcut_Q = await this.added(halves.attention.attn_shortcut_Q, shortcutPart);
    } else if (halves.mlp?.mlp_shortcut_Q) {
      halves.mlp.mlp_shortcut_Q = await this.added(halves.mlp.mlp_shortcut_Q, shortcutPart);
    }
    for (const { linear } of outputs) {
      const length = linear.weight.shape[1] * D;
      await this.move(linear, B.subarray(at, at + length));
      at += length;
    }
  }

  /** 1/rms of what shortcut and linears are to give together: the dense stream without their biases. */
  private weightsOf(wanted: Tensor, biases: readonly (Tensor | undefined)[], factor: number): Tensor {
    const { arena } = this;
    const target = copied(arena, wanted);
    const present = biases.filter((bias) => bias !== undefined);
    if (present.length > 0) {
      arena.backend.scale({ hidden_states: target, factor: -1 / factor });
      for (const bias of present) arena.backend.add_bias({ hidden_states: target, bias });
      arena.backend.scale({ hidden_states: target, factor });
    }
    const weights = tokenWeights(arena, target);
    arena.free(target);
    return weights;
  }

  /** Hands over both streams batch by batch; what is returned becomes the dense one. */
  private async eachBatch(
    visit: (x: Tensor, dense: Tensor, isHeld: boolean) => Promise<Tensor | undefined>,
    basis: Basis,
  ): Promise<void> {
    const { arena, dense, sliced } = this;
    const { count } = sliced;
    for (let i = 0; i < count; i++) {
      const states = await sliced.take(i);
      const x = intoBasis(arena, states, basis, 'sliced_states');
      await sliced.put(i, states);
      const xDense = await dense.take(i);
      const next = await visit(x, xDense, this.isHeld(i, count));
      if (next) arena.free(xDense);
      await dense.put(i, next ?? xDense);
      arena.free(x);
      await arena.backend.sync();
      throwIfCancelled(this.context.signal);
    }
    await this.fused.weights.assertFinite();
  }

  private sums(widths: readonly number[], targets: number, ridge: number | 'auto'): FitPair {
    const make = () => new FitSums(this.arena, widths, targets);
    return { all: make(), ...(ridge === 'auto' && this.sliced.count > 1 && { held: make() }) };
  }

  private isHeld(batch: number, count: number): boolean {
    return batch >= count - Math.ceil(count * HELD);
  }

  /** W (out, in) += Dᵀ with D (in, out). */
  private async move(linear: DeviceLinear, D: Float64Array): Promise<void> {
    const [out, columns] = linear.weight.shape;
    const transposed = new Float64Array(D.length);
    for (let i = 0; i < columns; i++) for (let o = 0; o < out; o++) transposed[o * columns + i] = D[i * out + o];
    linear.weight = await this.added(linear.weight, transposed);
  }

  private async added(tensor: Tensor, change: Float64Array): Promise<Tensor> {
    const { arena } = this;
    const values = Float64Array.from(await arena.backend.read(tensor));
    for (let i = 0; i < values.length; i++) values[i] += change[i];
    arena.free(tensor);
    return arena.own(arena.backend.fromArray(values, tensor.shape, tensor.label));
  }
}

function outputsOf({ attention, mlp }: Halves): { linear: DeviceLinear; half: DeviceAttention | DeviceMlp }[] {
  return [
    ...(attention ? [{ linear: attention.o_proj, half: attention }] : []),
    ...(mlp ? [{ linear: mlp.down_proj, half: mlp }] : []),
  ];
}

function copied(arena: Arena, states: Tensor): Tensor {
  const copy = arena.empty(states.shape, 'hidden_states');
  arena.backend.copy(states, copy);
  return copy;
}

/** a −= b; b is overwritten. */
function subtract(arena: Arena, a: Tensor, b: Tensor): void {
  arena.backend.scale({ hidden_states: b, factor: -1 });
  arena.backend.add({ a, b, output: a });
}
