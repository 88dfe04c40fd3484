// The parameters of attention, and what some models add to its scores: a sliding window, a cap, ALiBi. All of that is decided
// when the pipeline is made, so that models without pay nothing. params.window, params.soft_cap and the kernel's slopes are
// read with their overrides only.

struct Params {
  seqlen: u32,
  heads: u32,
  group: u32,
  window: u32,
  scale: f32,
  soft_cap: f32,
  // What one dispatch computes, and so its grid: long sequences and many heads are cut into several.
  first_position: u32,
  positions: u32,
  first_head: u32,
  head_count: u32,
  first_sequence: u32,
  sequences: u32,
  // Positions before the first query, where one sequence's keys and values were kept.
  past: u32,
}

@group(1) @binding(0) var<uniform> params: Params;

override HAS_WINDOW: u32 = 0;
override HAS_SOFT_CAP: u32 = 0;
override HAS_SLOPES: u32 = 0;

// The first key that a query may see: its window are the latest params.window positions, its own included
// (Longformer, arXiv 2004.05150).
fn oldest_key(position: u32) -> u32 {
  if (HAS_WINDOW == 0u) {
    return 0u;
  }
  return position + 1u - min(params.window, position + 1u);
}

// Which of the keys j … j + 3 a query may see.
fn seen(j: u32, oldest: u32, position: u32) -> vec4<bool> {
  let keys = vec4u(j, j + 1u, j + 2u, j + 3u);
  if (HAS_WINDOW == 0u) {
    return keys <= vec4u(position);
  }
  return (keys <= vec4u(position)) & (keys >= vec4u(oldest));
}

fn slope_of(head: u32) -> f32 {
  if (HAS_SLOPES == 0u) {
    return 0.0;
  }
  return slopes[head];
}

// The final scores of one query with the keys j … j + 3, from their scaled products: soft_cap · tanh(score / soft_cap)
// (Gemma 2, arXiv 2408.00118), then slope · (key position − query position) (ALiBi, arXiv 2108.12409).
fn shaped(product: vec4f, j: u32, position: u32, slope: f32) -> vec4f {
  var score = product;
  if (HAS_SOFT_CAP == 1u) {
    let part = score / params.soft_cap;
    score = params.soft_cap * vec4f(stable_tanh(part.x), stable_tanh(part.y), stable_tanh(part.z), stable_tanh(part.w));
  }
  if (HAS_SLOPES == 1u) {
    score += slope * (vec4f(vec4u(j, j + 1u, j + 2u, j + 3u)) - f32(position));
  }
  return score;
}
