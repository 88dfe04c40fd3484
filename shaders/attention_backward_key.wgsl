// The gradients of attention by its keys and values (FlashAttention-2, arXiv 2307.08691): over the query heads of a group and the
// queries t that see key j, with p = exp(score − log-sum) made again,
//   grad_key[j] = Σ p · (grad_output_t · value_j − δ) · slope · query_t,  grad_value[j] = Σ p · grad_output_t
// statistics (batch · seqlen, heads) holds (log-sum, δ); sizes as in attention_statistics.wgsl. One thread a key row and
// key/value head, so that sums are always in the same order. Positions count from the last key, which the fewest queries see.

@group(0) @binding(0) var<storage, read> query: array<f32>;
@group(0) @binding(1) var<storage, read> key: array<f32>;
@group(0) @binding(2) var<storage, read> value: array<f32>;
@group(0) @binding(3) var<storage, read> slopes: array<f32>;
@group(0) @binding(4) var<storage, read> grad_output: array<f32>;
@group(0) @binding(5) var<storage, read> statistics: array<vec2f>;
@group(0) @binding(6) var<storage, read_write> grad_key: array<f32>;
@group(0) @binding(7) var<storage, read_write> grad_value: array<f32>;

override WORKGROUP_SIZE: u32 = 32;
override HEAD_DIM: u32 = 64;

const MAX_HEAD_DIM = 256u;

@compute @workgroup_size(WORKGROUP_SIZE)
fn main(@builtin(workgroup_id) group_id: vec3u, @builtin(local_invocation_index) lane: u32) {
  let from_last = params.first_position + group_id.x * WORKGROUP_SIZE + lane;
  if (from_last >= params.first_position + params.positions) {
    return;
  }
  let j = params.seqlen - 1u - from_last;
  let kv_head = params.first_head + group_id.y;
  let sequence = (params.first_sequence + group_id.z) * params.seqlen; // its first row
  let at = ((sequence + j) * (params.heads / params.group) + kv_head) * HEAD_DIM;
  var end = params.seqlen;
  if (HAS_WINDOW == 1u) {
    end = min(end, j + params.window);
  }

  var key_gradient: array<f32, MAX_HEAD_DIM>;
  var value_gradient: array<f32, MAX_HEAD_DIM>;
  for (var c = 0u; c < HEAD_DIM; c++) {
    key_gradient[c] = 0.0;
    value_gradient[c] = 0.0;
  }
  for (var head = kv_head * params.group; head < (kv_head + 1u) * params.group; head++) {
    for (var position = j; position < end; position++) {
      let row_head = (sequence + position) * params.heads + head;
      let start = row_head * HEAD_DIM;
      var product = 0.0;
      var along = 0.0;
      for (var c = 0u; c < HEAD_DIM; c++) {
        product += query[start + c] * key[at + c];
        along += grad_output[start + c] * value[at + c];
      }
      let known = statistics[row_head];
      let score = score_of(product, j, position, head);
      let p = exp(score.value - known.x);
      let back = p * (along - known.y) * score.slope;
      for (var c = 0u; c < HEAD_DIM; c++) {
        key_gradient[c] += back * query[start + c];
        value_gradient[c] += p * grad_output[start + c];
      }
    }
  }
  for (var c = 0u; c < HEAD_DIM; c++) {
    grad_key[at + c] = key_gradient[c];
    grad_value[at + c] = value_gradient[c];
  }
}
