/** The package under a second name, for its newest release beside the version that transformers.js pins. */
declare module 'onnxruntime-web-stable/wasm' {
  export * from 'onnxruntime-web/wasm';
}
