/** @file The build that transformers.js runs, in the version that it pins: 27 MB, fetched from this site when an export needs it. */
import loaderUrl from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.mjs?url';
import wasmUrl from 'onnxruntime-web/ort-wasm-simd-threaded.asyncify.wasm?url';
import * as ort from 'onnxruntime-web/webgpu';

// The loader file is named too: threads then start from it, not from this bundle.
ort.env.wasm.wasmPaths = { mjs: loaderUrl, wasm: wasmUrl };

export { ort };
