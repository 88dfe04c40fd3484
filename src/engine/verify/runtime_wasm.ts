/** @file The newest release's build for the CPU alone: 14 MB, fetched from this site when an export needs it. */
import loaderUrl from 'onnxruntime-web-stable/ort-wasm-simd-threaded.mjs?url';
import wasmUrl from 'onnxruntime-web-stable/ort-wasm-simd-threaded.wasm?url';
import * as ort from 'onnxruntime-web-stable/wasm';

// The loader file is named too: threads then start from it, not from this bundle.
ort.env.wasm.wasmPaths = { mjs: loaderUrl, wasm: wasmUrl };

export { ort };
