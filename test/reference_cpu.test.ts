/** The references on the CPU backend, the f64 one; a file of its own runs beside the WebGPU one. */
import { referenceSuite } from './support/reference_suite.ts';

/**
 * Both schedules, both fusions, and the head that is tied and sliced, which asks of the kernels what those do that are one of the two. All
 * sparsities, all heads and the larger model are shown by the WebAssembly one, at a quarter of the time.
 */
const SHOWN = ['sequential', 'tied and sliced head', 'rotate-once', 'official fusion'];
referenceSuite('stories260k', 'cpu', ({ name }, { sparsity }) => sparsity === 0.25 && SHOWN.includes(name));
referenceSuite('opt-tiny', 'cpu', (_, { sparsity }) => sparsity === 0.2);
