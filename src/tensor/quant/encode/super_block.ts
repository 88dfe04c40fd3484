/**
 * @file The 256 values of a K-quant: runs with small whole-number scales (and minima) under one or two float16 factors.
 * Each run is fitted alone; then whole-number scales, factors and codes are improved in turn, as long as the weighted error falls.
 */
import { affineError, affineScale, evenCuts } from './affine.ts';
import { half, nearest, type Range, symmetricError, symmetricScale } from './symmetric.ts';

export interface SuperBlock {
  /** float16 values. */
  d: number;
  dmin: number;
  /** Whole numbers, one a run. */
  scales: Int32Array;
  mins: Int32Array;
  /** One a value. */
  codes: Int32Array;
}

export const SUPER = 256;
const TURNS = 3;
/** Of four points the range pays less than their distance. With more, clipping lowers the weighted error, and the model loses by it. */
const [NEAR, FAR] = [evenCuts(0.03), evenCuts(0.15)];

export interface AffineKind {
  /** Values of a run. */
  readonly run: number;
  /** Codes are 0 … steps. */
  readonly steps: number;
  /** Scales and minima are 0 … most. */
  readonly most: number;
}

/** value = d·scale·q − dmin·min: Q2_K, Q4_K, Q5_K. */
export function fitAffineSuper(x: Float64Array, w: Float64Array, { run, steps, most }: AffineKind): SuperBlock {
  const runs = SUPER / run;
  const range: Range = { low: 0, high: steps };
  const scaleRange: Range = { low: 0, high: most };
  const fits = Array.from({ length: runs }, (_, r) =>
    affineScale(x, w, r * run, run, steps, true, steps > 3 ? NEAR : FAR),
  );
  let d = half(Math.max(...fits.map(({ scale }) => scale)) / most);
  let dmin = half(Math.max(...fits.map(({ minimum }) => -minimum)) / most);
  const scales = Int32Array.from(fits, ({ scale }) => (d > 0 ? nearest(scale, 1 / d, scaleRange) : 0));
  const mins = Int32Array.from(fits, ({ minimum }) => (dmin > 0 ? nearest(-minimum, 1 / dmin, scaleRange) : 0));
  const errorOf = (r: number, scale: number, min: number) =>
    affineError(x, w, r * run, run, { scale: d * scale, minimum: -dmin * min }, range);
  const total = () => scales.reduce((sum, scale, r) => sum + errorOf(r, scale, mins[r]), 0);
  let least = total();
  for (let turn = 0; turn < TURNS; turn++) {
    for (let r = 0; r < runs; r++) {
      let [bestScale, bestMin] = [scales[r], mins[r]];
      let ofRun = errorOf(r, bestScale, bestMin);
      const [scale, min] = [bestScale, bestMin];
      for (let s = Math.max(0, scale - 1); s <= Math.min(most, scale + 1); s++) {
        for (let m = Math.max(0, min - 1); m <= Math.min(most, min + 1); m++) {
          const error = errorOf(r, s, m);
          if (error < ofRun) [ofRun, bestScale, bestMin] = [error, s, m];
        }
      }
      scales[r] = bestScale;
      mins[r] = bestMin;
    }
    const improved = total();
    const refitted = refitAffine(x, w, { run, scales, mins, range, d, dmin });
    const before = [d, dmin];
    [d, dmin] = refitted;
    let error = total();
    if (!(error < improved)) {
      [d, dmin] = before;
      error = improved;
    }
    if (!(error < 0.999 * least)) {
      least = Math.min(error, least);
      break;
    }
    least = error;
  }
  const codes = new Int32Array(SUPER);
  for (let i = 0; i < SUPER; i++) {
    const r = Math.floor(i / run);
    const scale = d * scales[r];
    codes[i] = scale === 0 ? 0 : nearest(x[i] + dmin * mins[r], 1 / scale, range);
  }
  return { d, dmin, scales, mins, codes };
}

/** d and dmin by least squares for the present codes, as float16. */
function refitAffine(
  x: Float64Array,
  w: Float64Array,
  from: { run: number; scales: Int32Array; mins: Int32Array; range: Range; d: number; dmin: number },
): [number, number] {
  const { run, scales, mins, range, d, dmin } = from;
  let [aa, ab, bb, ax, bx] = [0, 0, 0, 0, 0];
  for (let i = 0; i < SUPER; i++) {
    const r = Math.floor(i / run);
    const scale = d * scales[r];
    const q = scale === 0 ? 0 : nearest(x[i] + dmin * mins[r], 1 / scale, range);
    const a = scales[r] * q;
    const b = -mins[r];
    aa += w[i] * a * a;
    ab += w[i] * a * b;
    bb += w[i] * b * b;
    ax += w[i] * a * x[i];
    bx += w[i] * b * x[i];
  }
  const determinant = aa * bb - ab * ab;
  if (determinant > 1e-12 * aa * bb) {
    const fitted: [number, number] = [half((bb * ax - ab * bx) / determinant), half((aa * bx - ab * ax) / determinant)];
    if (fitted[0] > 0 && fitted[1] >= 0) return fitted;
  }
  return aa > 0 && bb === 0 && ax > 0 ? [half(ax / aa), dmin] : [d, dmin];
}

export interface SymmetricKind {
  readonly run: number;
  readonly range: Range;
  readonly scaleRange: Range;
}

/** value = d·scale·q: Q3_K, Q6_K. */
export function fitSymmetricSuper(
  x: Float64Array,
  w: Float64Array,
  { run, range, scaleRange }: SymmetricKind,
): SuperBlock {
  const runs = SUPER / run;
  const wanted = Array.from({ length: runs }, (_, r) => symmetricScale(x, w, r * run, run, range));
  const extreme = wanted.reduce((most, scale) => (Math.abs(scale) > Math.abs(most) ? scale : most), 0);
  // The largest takes the longer end of the range, whatever its sign.
  let d = half(extreme / scaleRange.low);
  const scales = Int32Array.from(wanted, (scale) => (d === 0 ? 0 : nearest(scale, 1 / d, scaleRange)));
  const errorOf = (r: number, scale: number) => symmetricError(x, w, r * run, run, d * scale, range);
  const total = () => scales.reduce((sum, scale, r) => sum + errorOf(r, scale), 0);
  let least = total();
  for (let turn = 0; turn < TURNS && d !== 0; turn++) {
    for (let r = 0; r < runs; r++) {
      let ofRun = errorOf(r, scales[r]);
      const scale = scales[r];
      for (const s of [scale - 2, scale - 1, scale + 1, scale + 2]) {
        if (s < scaleRange.low || s > scaleRange.high) continue;
        const error = errorOf(r, s);
        if (error < ofRun) {
          ofRun = error;
          scales[r] = s;
        }
      }
    }
    const improved = total();
    const before = d;
    d = refitSymmetric(x, w, run, scales, range, d);
    let error = total();
    if (!(error < improved)) {
      d = before;
      error = improved;
    }
    const isDone = !(error < 0.999 * least);
    least = Math.min(error, least);
    if (isDone) break;
  }
  const codes = new Int32Array(SUPER);
  for (let i = 0; i < SUPER; i++) {
    const scale = d * scales[Math.floor(i / run)];
    codes[i] = scale === 0 ? 0 : nearest(x[i], 1 / scale, range);
  }
  return { d, dmin: 0, scales, mins: new Int32Array(runs), codes };
}

function refitSymmetric(
  x: Float64Array,
  w: Float64Array,
  run: number,
  scales: Int32Array,
  range: Range,
  d: number,
): number {
  let [aa, ax] = [0, 0];
  for (let i = 0; i < SUPER; i++) {
    const scale = scales[Math.floor(i / run)];
    if (scale === 0) continue;
    const a = scale * nearest(x[i], 1 / (d * scale), range);
    aa += w[i] * a * a;
    ax += w[i] * a * x[i];
  }
  return aa > 0 && ax !== 0 ? half(ax / aa) || d : d;
}
