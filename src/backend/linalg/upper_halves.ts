/**
 * @file Where V8 joins pairs of vectors (`--wasm-revectorize`, which the headless command passes), its code leaves the upper halves
 * of the processor's registers in use. Until an instruction `vzeroupper` clears them, all code that was compiled for
 * 128-bit registers is slowed down, and that is the browser itself: a call from a built-in function into JavaScript took twenty times
 * as long (findings/revectorized_code_slows_what_follows.sh). WebAssembly has no such instruction. V8's search through an
 * array of small integers is compiled for AVX2, and such code ends with one.
 */

/** Long enough that V8 searches it with vectors. */
const SMALL_INTEGERS = Array.from({ length: 64 }, (_, i) => i);

/** Kept, so that the search is no code without effect. */
let found = -1;

/** To be called behind kernels, before anything else: it takes less than a tenth of a microsecond. */
export function clearUpperHalves(): void {
  found = SMALL_INTEGERS.indexOf(found);
}
