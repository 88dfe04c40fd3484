/** @file The base of a rotary embedding from its table of cosines and sines. */

/** Of an angle: what f32 tables and the powers behind them may be off by. */
const CLOSE = 2e-5;

/**
 * Theta where row 1 of the tables (position 1) holds the angles theta^(−i/width), i = 0 … width − 1, unscaled; undefined
 * where the angles are others, or are multiplied by a factor.
 * @param cos,sin Row-major, `width` columns: a frequency each.
 */
export function rotaryTheta(cos: Float32Array, sin: Float32Array, width: number): number | undefined {
  if (width < 2 || cos.length < 2 * width || sin.length !== cos.length) return undefined;
  const angles = Array.from({ length: width }, (_, i) => Math.atan2(sin[width + i], cos[width + i]));
  const isUnit = angles.every((_, i) => Math.abs(Math.hypot(sin[width + i], cos[width + i]) - 1) < 1e-5);
  if (!isUnit || !(angles[width - 1] > 0)) return undefined;
  const fits = (theta: number) => angles.every((angle, i) => Math.abs(angle * theta ** (i / width) - 1) < CLOSE);
  // The last angle tells most; a base is a round number.
  const theta = angles[width - 1] ** (-width / (width - 1));
  for (let digits = 1; digits <= 6; digits++) {
    const round = Number(theta.toPrecision(digits));
    if (fits(round)) return round;
  }
  return fits(theta) ? theta : undefined;
}
