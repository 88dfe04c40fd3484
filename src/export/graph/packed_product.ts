/** @file Products with packed weights that take more than one operator, kind by kind. */
import type { IntegerPieces, Pieces } from '../packed/for_onnx.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { quantizedProduct } from './quantized_product.ts';

/** x·Wᵀ, (…, in) → (…, out). @param name Of the weight: its pieces are `name`.up and so on. */
export function packedProduct(builder: GraphBuilder, pieces: Pieces, x: Value, scope: string, name: string): Value {
  switch (pieces.kind) {
    case 'integers':
      return integerProduct(builder, pieces, x, scope, name);
    case 'low_rank': {
      const narrow = matmul(builder, pieces.down, x, `${scope}/down`, `${name}.down`);
      const wide = matmul(builder, pieces.up, narrow, `${scope}/up`, `${name}.up`);
      if (!pieces.base) return wide;
      const base = integerProduct(builder, pieces.base, x, scope, name);
      return builder.node('Add', `${scope}/low_rank/Add`, [base, wide]);
    }
    case 'columns': {
      const rest = integerProduct(
        builder,
        pieces.rest,
        columns(builder, x, pieces.others, `${scope}/others`),
        scope,
        name,
      );
      if (pieces.indices.length === 0) return rest;
      const own = columns(builder, x, pieces.indices, `${scope}/kept`);
      const kept = matmul(builder, pieces.kept, own, `${scope}/kept`, `${name}.kept`);
      return builder.node('Add', `${scope}/kept/Add`, [rest, kept]);
    }
  }
}

/** Codes · scales, and for float minimums: sums of x over each group, times the minimums. */
function integerProduct(
  builder: GraphBuilder,
  { codes, minimums }: IntegerPieces,
  x: Value,
  scope: string,
  name: string,
): Value {
  const product = quantizedProduct(builder, codes, x, scope, name);
  if (!minimums) return product;
  const [, columnCount] = codes.shape;
  const groups = minimums.weight.shape[1];
  const ones = builder.floats('constant.groups', groupMatrix(columnCount, groups, minimums.group), [
    columnCount,
    groups,
  ]);
  const sums = builder.node('MatMul', `${scope}/groups/MatMul`, [x, ones]);
  const offset = matmul(builder, minimums.weight, sums, `${scope}/minimums`, `${name}.minimums`);
  return builder.node('Add', `${scope}/minimums/Add`, [product, offset]);
}

/** (columns, groups): 1 where a column belongs to a group. */
function groupMatrix(columnCount: number, groups: number, group: number): number[] {
  const matrix = new Array<number>(columnCount * groups).fill(0);
  for (let column = 0; column < columnCount; column++) matrix[column * groups + Math.floor(column / group)] = 1;
  return matrix;
}

function matmul(
  builder: GraphBuilder,
  weight: IntegerPieces['codes'] | Parameters<GraphBuilder['weight']>[0],
  x: Value,
  scope: string,
  name: string,
): Value {
  return builder.node('MatMul', `${scope}/MatMul`, [x, builder.weight(weight, name, `${scope}/Cast`, 'transposed')]);
}

function columns(builder: GraphBuilder, x: Value, indices: readonly number[], scope: string): Value {
  return builder.node(
    'Gather',
    `${scope}/Gather`,
    [x, builder.ints(indices)],
    [{ name: 'axis', kind: 'int', value: -1 }],
  );
}
