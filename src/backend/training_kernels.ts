/**
 * @file The kernels of the reverse pass (notes on gradients): arguments, and what each computes. A gradient is named
 * `grad_X`, shaped as X, and is that of the loss by X. Kernels that say so add to what their output holds.
 */
import type { ActivationName, AttentionArgs, Tensor, XieluArgs } from './backend.ts';

/**
 * Of y = x·r·γ + β, r = 1/√(Σx²/D + ε): grad_input = r·g − x·r³/D·Σ(g ⊙ x), g = γ ⊙ grad_output. γ's own gradient is
 * `column_sums` of grad_output ⊙ x·r.
 */
export interface RmsNormBackwardArgs {
  /** (rows, d): x. */
  hidden_states: Tensor;
  /** (width): γ; absent means ones. */
  weight?: Tensor;
  eps: number;
  /** D. */
  normalized_size: number;
  /** How many consecutive elements are normed together; by default a row. */
  width?: number;
  /** (rows, d). */
  grad_output: Tensor;
  /** (rows, d). */
  grad_input: Tensor;
  /** Added to what `grad_input` holds, as the gradient of a residual connection is. */
  accumulate?: boolean;
}

/** Of LayerNorm: grad_input = r·(g − mean(g) − x̂·mean(g ⊙ x̂)), g = γ ⊙ grad_output, x̂ = (x − mean)·r. */
export type LayerNormBackwardArgs = Omit<RmsNormBackwardArgs, 'normalized_size'>;

/** Of output = act(gate) ⊙ up: grad_up = grad_output ⊙ act(gate), grad_gate = grad_output ⊙ up ⊙ act′(gate). */
export interface GluBackwardArgs {
  activation: ActivationName;
  /** (rows, f), as all of them. */
  gate: Tensor;
  up: Tensor;
  grad_output: Tensor;
  grad_gate: Tensor;
  grad_up: Tensor;
}

/** grad_input = grad_output ⊙ act′(hidden_states). */
export interface ActivationBackwardArgs {
  activation: ActivationName;
  /** (rows, f), as all of them. */
  hidden_states: Tensor;
  grad_output: Tensor;
  grad_input: Tensor;
}

/** grad_input = grad_output ⊙ xIELU′(hidden_states): 2α₊·x + β for x > 0, else α₋·([x < ε]·e^x − 1) + β. */
export type XieluBackwardArgs = Omit<XieluArgs, 'output'> & { grad_output: Tensor; grad_input: Tensor };

/** gradient ← 0 where |clipped| ≥ limit, in place: nothing changes there. */
export interface ClipBackwardArgs {
  /** What `clip` left, or what it was given. */
  clipped: Tensor;
  gradient: Tensor;
  limit: number;
}

/**
 * Of `attention`, as FlashAttention-2 (arXiv 2307.08691): with p = exp(score − log Σ exp) made again and
 * δ = Σ grad_output ⊙ output of a query and head, ds = p ⊙ (grad_output·vᵀ − δ) · scale · (1 − (capped/soft_cap)²),
 * grad_query = ds·k, grad_key = dsᵀ·q, grad_value = pᵀ·grad_output; key/value heads sum over their group's query heads.
 */
export interface AttentionBackwardArgs extends AttentionArgs {
  /** (batch·seqlen, heads·head_dim). */
  grad_output: Tensor;
  grad_query: Tensor;
  /** (batch·seqlen, kv_heads·head_dim). */
  grad_key: Tensor;
  grad_value: Tensor;
}

/**
 * logits ← weights[r] · factor · (softmax − one-hot(target)) · (1 − (logit/soft_cap)²) in place, for one block of the
 * vocabulary whose `cross_entropy` state is complete: the gradient by what stood before `scale` and `soft_cap` of a head.
 */
export interface CrossEntropyBackwardArgs {
  /** (rows, n): logits of tokens `first_column … first_column + n`. */
  logits: Tensor;
  /** u32 (rows). */
  target_ids: Tensor;
  first_column: number;
  /** (rows, 4), as `cross_entropy` leaves it after the last block. */
  state: Tensor;
  /** (rows): what a row's loss counts; 0 where nothing is predicted. */
  weights: Tensor;
  /** The head's scale; absent: 1. */
  factor?: number;
  soft_cap?: number;
}

/**
 * Of a student's distribution q and a teacher's p over the vocabulary: `forward_kl` Σp·ln(p/q), `reverse_kl` Σq·ln(q/p), `jsd`
 * β·Σp·ln(p/m) + (1 − β)·Σq·ln(q/m) with m = β·p + (1 − β)·q (generalised Jensen–Shannon, arXiv 2306.13649).
 */
export type DivergenceKind = 'forward_kl' | 'reverse_kl' | 'jsd';

/**
 * Adds a block of the vocabulary to the divergence of each row: sums[r] += (Σ of the kind's terms, Σ q·a), a the derivative
 * of the divergence by q, without what is constant over the vocabulary. Both `cross_entropy` states must be complete.
 */
export interface DivergenceArgs {
  kind: DivergenceKind;
  /** Of `jsd`, between 0 and 1. */
  beta?: number;
  /** (rows, n): a block of both heads' logits. */
  teacher: Tensor;
  student: Tensor;
  /** (rows, 4) each. */
  teacher_state: Tensor;
  student_state: Tensor;
  /** (rows, 2), added to. */
  sums: Tensor;
}

/** student ← weights[r] · factor · q ⊙ (a − Σ q·a) · (1 − (logit/soft_cap)²), in place: as `cross_entropy_backward`. */
export interface DivergenceBackwardArgs extends DivergenceArgs {
  /** (rows). */
  weights: Tensor;
  factor?: number;
  soft_cap?: number;
}

/** output[c] += Σ a[r, c] · b[r, c] over the rows: gradients of biases and, with b, of what multiplies columns. */
export interface ColumnSumsArgs {
  /** (rows, d). */
  a: Tensor;
  /** Shaped as a; absent: ones. */
  b?: Tensor;
  /** Rows are stretches of this many elements; a divisor of d, which it is by default. */
  width?: number;
  /** (width), added to. */
  output: Tensor;
}

/**
 * output[targets[i]] += Σ hidden_states[order[j]] for j in starts[i] … starts[i + 1], the sum in this order: gradients
 * of tables, with the same bits every time. Targets differ from each other.
 */
export interface ScatterAddArgs {
  /** (rows, d). */
  hidden_states: Tensor;
  /** u32: rows of `hidden_states`, those of a target beside each other. */
  order: Tensor;
  /** u32 (k + 1). */
  starts: Tensor;
  /** u32 (k). */
  targets: Tensor;
  /** (n, d), added to. */
  output: Tensor;
}

/**
 * A step of AdamW (arXiv 1711.05101), in place: with g = gradient_scale·gradient, m ← β₁·m + (1 − β₁)·g,
 * v ← β₂·v + (1 − β₂)·g², parameter ← parameter·(1 − lr·weight_decay) − lr·(m/(1 − β₁ᵗ))/(√(v/(1 − β₂ᵗ)) + ε).
 */
export interface AdamwArgs {
  parameter: Tensor;
  /** As many elements as the parameter, as all of them. */
  gradient: Tensor;
  first_moment: Tensor;
  second_moment: Tensor;
  lr: number;
  beta1: number;
  beta2: number;
  eps: number;
  weight_decay: number;
  /** t, from 1. */
  step: number;
  /** Of clipping; absent: 1. */
  gradient_scale?: number;
}

/** Which columns of a row share a number: `group` places after each other, the last group may be shorter. */
export interface ColumnGroups {
  group: number;
  /** u32 (d): the column at each place; absent: places are columns. */
  order?: Tensor;
}

/**
 * Each number becomes the nearest of its group's grid: s·(clamp(round(w/s) + z) − z), or s·clamp(round((w − z)/s)) + z where z is
 * the least number of the grid. clamp: lowest … highest; halves to even. A scale of 0 gives 0, or z.
 */
export interface FakeQuantizeArgs extends ColumnGroups {
  /** (rows, d): w. */
  weight: Tensor;
  /** (rows, groups): s. */
  scales: Tensor;
  /** (rows, groups): z; absent: 0. */
  zeros?: Tensor;
  zero: 'code' | 'minimum';
  lowest: number;
  highest: number;
  /** (rows, d); not `weight`. */
  output: Tensor;
}

/** Straight-through estimator (arXiv 1308.3432) of `fake_quantize`, in place: gradient ← 0 where the clamp holds, elsewhere as it is. */
export type FakeQuantizeBackwardArgs = Omit<FakeQuantizeArgs, 'output'> & {
  /** (rows, d). */
  gradient: Tensor;
};

/** output = codes ⊙ scales + minimums, both by groups of columns. */
export interface ScaleGroupsArgs extends ColumnGroups {
  /** (rows, d). */
  codes: Tensor;
  /** (rows, groups) each. */
  scales: Tensor;
  minimums?: Tensor;
  /** (rows, d); not `codes`. */
  output: Tensor;
}

/** output[r, g] += Σ a[r, c] · b[r, c] over the columns of a group: gradients of what `scale_groups` multiplies by and, without b, adds. */
export interface GroupSumsArgs extends ColumnGroups {
  /** (rows, d). */
  a: Tensor;
  /** Shaped as a; absent: ones. */
  b?: Tensor;
  /** (rows, groups), added to. */
  output: Tensor;
}

export interface TrainingKernels {
  rms_norm_backward(args: RmsNormBackwardArgs): void;
  layer_norm_backward(args: LayerNormBackwardArgs): void;
  glu_backward(args: GluBackwardArgs): void;
  activation_backward(args: ActivationBackwardArgs): void;
  xielu_backward(args: XieluBackwardArgs): void;
  clip_backward(args: ClipBackwardArgs): void;
  attention_backward(args: AttentionBackwardArgs): void;
  cross_entropy_backward(args: CrossEntropyBackwardArgs): void;
  divergence(args: DivergenceArgs): void;
  divergence_backward(args: DivergenceBackwardArgs): void;
  column_sums(args: ColumnSumsArgs): void;
  scatter_add(args: ScatterAddArgs): void;
  adamw(args: AdamwArgs): void;
  fake_quantize(args: FakeQuantizeArgs): void;
  fake_quantize_backward(args: FakeQuantizeBackwardArgs): void;
  scale_groups(args: ScaleGroupsArgs): void;
  group_sums(args: GroupSumsArgs): void;
}
