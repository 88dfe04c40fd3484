/**
 * @file Clusters of features by their ranges, and a grid for each (RPTQ, arXiv 2304.01089): k-means over (max, min), Lloyd's
 * way from a start that no chance decides.
 */
import type { ClusterGrid } from '../../models/input_quantization.ts';

const MOST_ROUNDS = 100;

/**
 * @param minimum, maximum (n): the range of each feature.
 * @returns A grid that holds every range of its cluster and 0; scale and zero point as float32.
 */
export function clusterGrid(
  minimum: Float64Array,
  maximum: Float64Array,
  clusters: number,
  bits: number,
): Required<ClusterGrid> {
  const cluster = rangeClusters(minimum, maximum, clusters);
  const low = new Float64Array(clusters);
  const high = new Float64Array(clusters);
  for (const [i, k] of cluster.entries()) {
    low[k] = Math.min(low[k], minimum[i]);
    high[k] = Math.max(high[k], maximum[i]);
  }
  const scale: number[] = [];
  const zero: number[] = [];
  for (let k = 0; k < clusters; k++) {
    const step = (high[k] - low[k]) / (2 ** bits - 1) || 1;
    scale.push(Math.fround(step));
    zero.push(-low[k] / step + 1.5 * 2 ** 52 - 1.5 * 2 ** 52);
  }
  return { cluster, scale, zero };
}

/** Starts from the points at ranks (i + ½)·n/k of range size; ties go to the lower index; an empty cluster stays where it is. */
function rangeClusters(minimum: Float64Array, maximum: Float64Array, clusters: number): number[] {
  const n = minimum.length;
  const order = Array.from({ length: n }, (_, i) => i).sort(
    (a, b) => maximum[a] - minimum[a] - (maximum[b] - minimum[b]) || a - b,
  );
  let centres = Array.from({ length: clusters }, (_, k) => {
    const i = order[Math.floor(((k + 0.5) * n) / clusters)];
    return [maximum[i], minimum[i]];
  });
  let assigned: number[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    assigned = Array.from({ length: n }, (_, i) => nearest(centres, maximum[i], minimum[i]));
    const sums = centres.map(() => [0, 0, 0]);
    for (const [i, k] of assigned.entries()) {
      sums[k][0] += maximum[i];
      sums[k][1] += minimum[i];
      sums[k][2]++;
    }
    const next = sums.map(([high, low, count], k) => (count > 0 ? [high / count, low / count] : centres[k]));
    if (next.every(([high, low], k) => high === centres[k][0] && low === centres[k][1])) break;
    centres = next;
  }
  return assigned;
}

function nearest(centres: readonly (readonly number[])[], high: number, low: number): number {
  let best = 0;
  let least = Number.POSITIVE_INFINITY;
  for (let k = 0; k < centres.length; k++) {
    const distance = (high - centres[k][0]) ** 2 + (low - centres[k][1]) ** 2;
    if (distance < least) {
      least = distance;
      best = k;
    }
  }
  return best;
}
