/** @file Seeded numbers of a training: drawn anew for each purpose by its own key, so that nothing has to be remembered between steps. */

/** Uniform in [0, 1), 2³² values (mulberry32, public domain). @param key Numbers that tell what is drawn: seed, epoch, linear … */
export function uniform(...key: readonly number[]): () => number {
  let state = 0x9e3779b9;
  for (const part of key) state = Math.imul(state ^ (part >>> 0), 0x85ebca6b) ^ (state >>> 13);
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** `count` numbers of a normal distribution of mean 0 (Box–Muller). */
export function normals(count: number, deviation: number, ...key: readonly number[]): Float32Array {
  const next = uniform(...key);
  const values = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = deviation * Math.sqrt(-2 * Math.log(1 - next()));
    const angle = 2 * Math.PI * next();
    values[i] = radius * Math.cos(angle);
    if (i + 1 < count) values[i + 1] = radius * Math.sin(angle);
  }
  return values;
}

/** 0 … count − 1 in an order of its own (Fisher–Yates). */
export function shuffled(count: number, ...key: readonly number[]): number[] {
  const next = uniform(...key);
  const order = Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}
