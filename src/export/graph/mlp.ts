/** @file The MLP, gated or not, and its activations in plain operators. */
import type { Activation, Mlp } from '../../models/decoder_model.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { linear } from './linear.ts';

/** `(act(x·gateᵀ) ⊙ x·upᵀ)·downᵀ`, or `act(x·upᵀ)·downᵀ`. */
export function mlp(builder: GraphBuilder, part: Mlp, x: Value, scope: string, weights: string): Value {
  const up = linear(builder, part.up_proj, x, `${scope}/up_proj`, `${weights}.up_proj`);
  let inner: Value;
  if (part.gate_proj) {
    const gate = linear(builder, part.gate_proj, x, `${scope}/gate_proj`, `${weights}.gate_proj`);
    const activated = activate(builder, part.activation, gate, `${scope}/act_fn`);
    inner = builder.node('Mul', `${scope}/Mul`, [activated, up]);
  } else {
    inner = activate(builder, part.activation, up, `${scope}/act_fn`);
  }
  return linear(builder, part.down_proj, inner, `${scope}/down_proj`, `${weights}.down_proj`);
}

function activate(builder: GraphBuilder, activation: Activation, x: Value, scope: string): Value {
  const node = (op: string, name: string, inputs: Value[]) => builder.node(op, `${scope}/${name}`, inputs);
  switch (activation) {
    case 'silu':
      return node('Mul', 'Mul', [x, node('Sigmoid', 'Sigmoid', [x])]);
    case 'relu':
      return node('Relu', 'Relu', [x]);
    case 'relu2': {
      const positive = node('Relu', 'Relu', [x]);
      return node('Mul', 'Square', [positive, positive]);
    }
    case 'gelu': {
      // x/2 · (1 + erf(x/√2))
      const erf = node('Erf', 'Erf', [node('Div', 'Div', [x, builder.scalar(Math.SQRT2)])]);
      return halfOf(builder, x, erf, scope);
    }
    case 'gelu_tanh': {
      // x/2 · (1 + tanh(√(2/π) · (x + 0.044715·x³)))
      const square = node('Mul', 'Square', [x, x]);
      const factor = node('Add', 'Factor', [
        node('Mul', 'Cubic', [square, builder.scalar(0.044715)]),
        builder.scalar(1),
      ]);
      const inner = node('Mul', 'Inner', [
        node('Mul', 'Polynomial', [x, factor]),
        builder.scalar(Math.sqrt(2 / Math.PI)),
      ]);
      return halfOf(builder, x, node('Tanh', 'Tanh', [inner]), scope);
    }
  }
}

/** x/2 · (1 + t). */
function halfOf(builder: GraphBuilder, x: Value, t: Value, scope: string): Value {
  const sum = builder.node('Add', `${scope}/Add`, [t, builder.scalar(1)]);
  const product = builder.node('Mul', `${scope}/Mul`, [x, sum]);
  return builder.node('Mul', `${scope}/Half`, [product, builder.scalar(0.5)]);
}
