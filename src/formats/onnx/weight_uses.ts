/**
 * @file What the nodes of an ONNX graph use: a stored tensor, up to casts and transpositions, and the module it belongs to.
 */
import type { RowRange } from '../checkpoint.ts';
import type { OnnxGraph, OnnxNode } from './read_model.ts';
import type { StoredTensor } from './read_tensor.ts';

export interface Parameter {
  readonly tensor: StoredTensor;
  /** The state dict has the transpose of what is stored. */
  readonly transposed: boolean;
  /** Of the matrix or vector in the state dict's layout: the part that this parameter is. */
  readonly rows?: RowRange;
  /**
   * A vector that states are multiplied by as it is, under a name of the exporter's own. Where a family adds an offset to
   * its norms' weights (Gemma: 1), the exporter has added it already.
   */
  readonly folded?: boolean;
}

/** A weight as one node uses it. */
export interface Use extends Parameter {
  readonly scope: string;
  readonly suffix: 'weight' | 'bias';
}

/** Types that a weight may have. */
export const FLOATS: ReadonlySet<string> = new Set(['FLOAT', 'FLOAT16', 'BFLOAT16', 'DOUBLE']);
const PASSED_THROUGH: ReadonlySet<string> = new Set(['Identity', 'Cast']);

/** Real exports have two or three operators between a weight and its use. */
const MOST_STEPS = 16;

/** Angles and frequencies are no parameters. */
const ROTARY_SCOPE = /rotary|rope/i;

/** Values visible at one place of the graph: initialisers and what makes each value. */
export class Values {
  private readonly initializers = new Map<string, StoredTensor>();
  private readonly producers = new Map<string, OnnxNode>();
  private readonly outer?: Values;

  constructor(graph: OnnxGraph, outer?: Values) {
    this.outer = outer;
    for (const [name, tensor] of graph.initializers) this.initializers.set(name, tensor);
    for (const node of graph.nodes) {
      for (const output of node.outputs) this.producers.set(output, node);
      if (node.tensor) this.initializers.set(node.outputs[0], node.tensor);
    }
  }

  /**
   * The stored tensor that a value is, up to casts and transpositions; `flipped`: an odd number of transpositions lies
   * between.
   */
  trace(value: string | undefined): { tensor: StoredTensor; flipped: boolean } | undefined {
    let flipped = false;
    let at = value;
    for (let step = 0; at && step < MOST_STEPS; step++) {
      const tensor = this.initializer(at);
      if (tensor) return FLOATS.has(tensor.type.name) ? { tensor, flipped } : undefined;
      const node = this.producer(at);
      if (!node) return undefined;
      if (node.op_type === 'Transpose') {
        const perm = node.ints.get('perm');
        if (perm && !(perm.length === 2 && perm[0] === 1 && perm[1] === 0)) return undefined;
        flipped = !flipped;
      } else if (!PASSED_THROUGH.has(node.op_type)) return undefined;
      at = node.inputs[0];
    }
    return undefined;
  }

  private initializer(name: string): StoredTensor | undefined {
    return this.initializers.get(name) ?? this.outer?.initializer(name);
  }

  private producer(name: string): OnnxNode | undefined {
    return this.producers.get(name) ?? this.outer?.producer(name);
  }
}

/** Parameters that a node uses, where its name or its notes say which module it belongs to. */
export function usesOf(node: OnnxNode, values: Values): Use[] {
  const scope = scopeOf(node);
  if (!scope || ROTARY_SCOPE.test(scope)) return [];
  const uses: Use[] = [];
  const take = (
    input: number,
    rank: 1 | 2,
    suffix: Use['suffix'],
    how: 'as_stored' | 'linear' | 'turned_linear' | 'table' | 'factor',
  ): void => {
    const found = values.trace(node.inputs[input]);
    if (!found || found.tensor.dims.length !== rank || found.tensor.elements < 2) return;
    const { tensor, flipped } = found;
    // A product takes (in, out), after all transpositions; the state dict has (out, in).
    const transposed = (how === 'linear' && !flipped) || ((how === 'turned_linear' || how === 'table') && flipped);
    uses.push({ scope, suffix, tensor, transposed, folded: how === 'factor' });
  };
  switch (node.op_type) {
    case 'MatMul':
      take(1, 2, 'weight', 'linear');
      break;
    case 'FusedMatMul': // ONNX Runtime's: a transposition moved into the product
      take(1, 2, 'weight', node.ints.get('transB')?.[0] ? 'turned_linear' : 'linear');
      break;
    case 'Gemm':
    case 'FusedGemm':
      // With transB a linear, stored as its state dict has it; else a Conv1D (GPT-2), whose state dict has (in, out) too.
      take(1, 2, 'weight', 'as_stored');
      take(2, 1, 'bias', 'as_stored');
      break;
    case 'Gather':
      take(0, 2, 'weight', 'table');
      break;
    case 'Mul':
    case 'Add': {
      // Of two constants neither is the operand of a norm or a linear.
      if (node.inputs.every((input) => values.trace(input))) break;
      const [suffix, how] = node.op_type === 'Mul' ? (['weight', 'factor'] as const) : (['bias', 'as_stored'] as const);
      take(0, 1, suffix, how);
      take(1, 1, suffix, how);
      break;
    }
    case 'LayerNormalization':
    case 'RMSNormalization':
    case 'SimplifiedLayerNormalization':
      take(1, 1, 'weight', 'factor');
      take(2, 1, 'bias', 'as_stored');
      break;
    case 'SkipLayerNormalization':
      take(2, 1, 'weight', 'factor');
      take(3, 1, 'bias', 'as_stored');
      break;
    case 'SkipSimplifiedLayerNormalization':
      take(2, 1, 'weight', 'factor');
      break;
  }
  return uses;
}

/** Dotted path of the module that a node belongs to, '' where it says none. */
export function scopeOf({ name, name_scopes }: OnnxNode): string {
  // A Python list, as text: the modules around the operator, then the operator.
  const listed = [...(name_scopes ?? '').matchAll(/'([^']*)'/g)].map(([, part]) => part);
  if (listed.length > 1) return listed[listed.length - 2];
  if (!name.startsWith('/')) return '';
  const parts = name.split('/').filter(Boolean);
  // ONNX Runtime names a fused node after one of its parts: …/Mul_1/SimplifiedLayerNormFusion/
  if (parts[parts.length - 1]?.endsWith('Fusion')) parts.pop();
  return parts.slice(0, -1).join('.');
}
