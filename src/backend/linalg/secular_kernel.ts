/**
 * @file The loops of the secular equation in WebAssembly, two f64 lanes at a time: nearly all of them are divisions, of which
 * a vector takes two in the time of one. The kernel's memory holds rows of numbers; addresses and counts are in bytes, counts
 * whole vectors.
 */
import { F64X2_ADD, F64X2_DIV, F64X2_MUL, F64X2_SUB, folded, loadSplat, lowThenHigh } from './f64_lanes.ts';
import type { WasmPlace } from './panel_product.ts';
import {
  assemble,
  I32,
  I32_ADD,
  i32Const,
  localGet,
  localSet,
  loopBelow,
  MEMORY_COPY,
  memoryKind,
  V128,
  v128Load,
  v128Store,
  v128Zero,
  type WasmFunction,
} from './wasm_module.ts';

interface Exports {
  /** result ← (Σ z·r, Σ r²) with r = z / (delta − c), c at `scalar`. */
  pole_sums(delta: number, z: number, bytes: number, scalar: number, result: number): void;
  /** y ← x − c, c at `scalar`. */
  shift(x: number, y: number, bytes: number, scalar: number): void;
  /** fitted ← fitted · delta / (d − c), c at `scalar`. */
  fit(fitted: number, delta: number, d: number, bytes: number, scalar: number): void;
  /** So many bytes, which lie anywhere in the memory. */
  copy(target: number, source: number, bytes: number): void;
  /** y ← fitted / delta; result ← the two lanes' sums of y². */
  quotients(fitted: number, delta: number, y: number, bytes: number, result: number): void;
}

const loadAt = (base: number, j: number) => [...localGet(base), ...localGet(j), I32_ADD, ...v128Load()];
const addressOf = (base: number, j: number) => [...localGet(base), ...localGet(j), I32_ADD];
/** j from 0 to `bytes` by whole vectors. */
const eachPair = (j: number, bytes: number, body: readonly number[]) => [
  ...[...i32Const(0), ...localSet(j)],
  ...loopBelow(j, i32Const(16), bytes, body),
];

function poleSums(): WasmFunction {
  const [delta, z, bytes, scalar, result, j, c, poles, squares, x, r] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10];
  const code = [
    ...[...localGet(scalar), ...loadSplat(), ...localSet(c)],
    ...eachPair(j, bytes, [
      ...[...loadAt(z, j), ...localSet(x)],
      ...[...localGet(x), ...loadAt(delta, j), ...localGet(c), ...F64X2_SUB, ...F64X2_DIV, ...localSet(r)],
      ...[...localGet(poles), ...localGet(x), ...localGet(r), ...F64X2_MUL, ...F64X2_ADD, ...localSet(poles)],
      ...[...localGet(squares), ...localGet(r), ...localGet(r), ...F64X2_MUL, ...F64X2_ADD, ...localSet(squares)],
    ]),
    ...[...localGet(result), ...folded(poles), ...folded(squares), ...lowThenHigh, ...v128Store()],
  ];
  return {
    name: 'pole_sums',
    parameters: 5,
    locals: [
      [1, I32],
      [5, V128],
    ],
    code,
  };
}

function shifting(): WasmFunction {
  const [x, y, bytes, scalar, j, c] = [0, 1, 2, 3, 4, 5];
  const code = [
    ...[...localGet(scalar), ...loadSplat(), ...localSet(c)],
    ...eachPair(j, bytes, [...[...addressOf(y, j), ...loadAt(x, j), ...localGet(c), ...F64X2_SUB, ...v128Store()]]),
  ];
  return {
    name: 'shift',
    parameters: 4,
    locals: [
      [1, I32],
      [1, V128],
    ],
    code,
  };
}

function fitting(): WasmFunction {
  const [fitted, delta, d, bytes, scalar, j, c] = [0, 1, 2, 3, 4, 5, 6];
  const code = [
    ...[...localGet(scalar), ...loadSplat(), ...localSet(c)],
    ...eachPair(j, bytes, [
      ...[...addressOf(fitted, j), ...loadAt(fitted, j), ...loadAt(delta, j)],
      ...[...loadAt(d, j), ...localGet(c), ...F64X2_SUB, ...F64X2_DIV, ...F64X2_MUL, ...v128Store()],
    ]),
  ];
  return {
    name: 'fit',
    parameters: 5,
    locals: [
      [1, I32],
      [1, V128],
    ],
    code,
  };
}

function quotientsOf(): WasmFunction {
  const [fitted, delta, y, bytes, result, j, squares, quotient] = [0, 1, 2, 3, 4, 5, 6, 7];
  const code = [
    ...[...v128Zero, ...localSet(squares)],
    ...eachPair(j, bytes, [
      ...[...loadAt(fitted, j), ...loadAt(delta, j), ...F64X2_DIV, ...localSet(quotient)],
      ...[...addressOf(y, j), ...localGet(quotient), ...v128Store()],
      ...[
        ...localGet(squares),
        ...localGet(quotient),
        ...localGet(quotient),
        ...F64X2_MUL,
        ...F64X2_ADD,
        ...localSet(squares),
      ],
    ]),
    ...[...localGet(result), ...localGet(squares), ...v128Store()],
  ];
  return {
    name: 'quotients',
    parameters: 5,
    locals: [
      [1, I32],
      [2, V128],
    ],
    code,
  };
}

function copying(): WasmFunction {
  return { name: 'copy', parameters: 3, locals: [], code: [...[0, 1, 2].flatMap(localGet), ...MEMORY_COPY] };
}

/** Bytes of rows of so many numbers each. */
export function secularRowsBytes(length: number): number {
  return 8 * (ROWS * (length + (length % 2)) + HEAD);
}

/** Rows, and numbers in front of them: a scalar, and what was found. */
const [ROWS, HEAD] = [5, 4];

/** Rows in the kernel's memory, each of `length` numbers at least. */
export class SecularRows {
  readonly d: Float64Array;
  readonly z: Float64Array;
  readonly delta: Float64Array;
  readonly fitted: Float64Array;
  readonly y: Float64Array;
  /** What `poleSums` and `quotients` found. */
  readonly found: Float64Array;
  private readonly scalar: Float64Array;
  private readonly kernel: Exports;

  /** @param place Where {@link secularRowsBytes} are free; else the rows have a memory of their own. */
  constructor(
    readonly length: number,
    private readonly place?: WasmPlace & { scratch: number },
  ) {
    const row = length + (length % 2);
    const memory = place?.memory ?? new WebAssembly.Memory({ initial: Math.ceil(secularRowsBytes(length) / 65536) });
    const functions = [poleSums(), shifting(), fitting(), quotientsOf(), copying()];
    const module = new WebAssembly.Module(assemble(functions, memoryKind(memory)));
    this.kernel = new WebAssembly.Instance(module, { host: { memory } }).exports as unknown as Exports;
    const at = place?.scratch ?? 0;
    const array = (index: number) => new Float64Array(memory.buffer, at + 8 * (HEAD + index * row), row);
    [this.d, this.z, this.delta, this.fitted, this.y] = [0, 1, 2, 3, 4].map(array);
    this.scalar = new Float64Array(memory.buffer, at, 1);
    this.found = new Float64Array(memory.buffer, at + 16, 2);
  }

  /** The first `count` of a row of this memory, to elements `at` and on: by the memory's own instruction where both lie in it. */
  put(row: Float64Array, target: Float64Array, at: number, count: number): void {
    if (this.place?.holds(target.buffer)) {
      this.kernel.copy(target.byteOffset + 8 * at, row.byteOffset, 8 * count);
    } else target.set(row.subarray(0, count), at);
  }

  /** The reverse. */
  take(row: Float64Array, source: Float64Array, at: number, count: number): void {
    if (this.place?.holds(source.buffer)) {
      this.kernel.copy(row.byteOffset, source.byteOffset + 8 * at, 8 * count);
    } else row.set(source.subarray(at, at + count));
  }

  /** found ← (Σ zᵢ·rᵢ, Σ rᵢ²) over from ≤ i < end, r = z / (delta − tau). */
  poleSums(from: number, end: number, tau: number): void {
    const { delta, z, scalar, found, kernel } = this;
    const pairs = (end - from) & ~1;
    found[0] = 0;
    found[1] = 0;
    if (pairs > 0) {
      scalar[0] = tau;
      const at = 8 * from;
      kernel.pole_sums(delta.byteOffset + at, z.byteOffset + at, 8 * pairs, scalar.byteOffset, found.byteOffset);
    }
    if (from + pairs < end) {
      const r = z[end - 1] / (delta[end - 1] - tau);
      found[0] += z[end - 1] * r;
      found[1] += r * r;
    }
  }

  /** y ← x − c for the first `count`, in rows of this memory. */
  shift(x: Float64Array, y: Float64Array, count: number, c: number): void {
    this.scalar[0] = c;
    this.kernel.shift(x.byteOffset, y.byteOffset, 8 * count, this.scalar.byteOffset);
  }

  /** fittedᵢ ← fittedᵢ · deltaᵢ / (dᵢ − c). */
  fit(count: number, c: number): void {
    const { fitted, delta, d, scalar } = this;
    scalar[0] = c;
    this.kernel.fit(fitted.byteOffset, delta.byteOffset, d.byteOffset, 8 * count, scalar.byteOffset);
  }

  /** yᵢ ← fittedᵢ / deltaᵢ. Returns Σ yᵢ² of the first `count`. */
  quotients(count: number): number {
    const { fitted, delta, y, found } = this;
    // What fills the last vector is no part of the sum.
    if (count % 2 === 1) {
      fitted[count] = 0;
      delta[count] = 1;
    }
    this.kernel.quotients(fitted.byteOffset, delta.byteOffset, y.byteOffset, 8 * count, found.byteOffset);
    return found[0] + found[1];
  }
}

let kept: SecularRows | undefined;

/** Rows of at least so many numbers: one set of them, to be used and left before anything else runs. */
export function secularRows(length: number): SecularRows {
  if (!kept || kept.length < length) kept = new SecularRows(Math.max(64, length, 2 * (kept?.length ?? 0)));
  return kept;
}
