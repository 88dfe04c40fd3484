/** @file Shapes: row-major, outermost dimension first. */

export type Shape = readonly number[];

/** Number of elements; the empty shape is a scalar and has one. */
export function elementCount(shape: Shape): number {
  return shape.reduce((product, size) => product * size, 1);
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, i) => size === b[i]);
}

/** `[576, 1536]`, as messages show it. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}
