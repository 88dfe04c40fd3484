/** @file Names of exported files. transformers.js finds a model by the folder `onnx/` and a suffix for its numbers. */
import type { Layout } from './graph/positions.ts';
import type { Precision } from './precision.ts';

export const MODEL_FILE = 'model.onnx';
export const DATA_FILE = 'model.onnx.data';

/** What transformers.js calls a precision (its option `dtype`), and the suffix of that file. */
const DTYPE: Record<Precision, { dtype: string; suffix: string }> = {
  stored: { dtype: 'fp32', suffix: '' },
  f32: { dtype: 'fp32', suffix: '' },
  f16: { dtype: 'fp16', suffix: '_fp16' },
  int8: { dtype: 'q8', suffix: '_quantized' },
  int4: { dtype: 'q4', suffix: '_q4' },
};

export function transformersDtype(precision: Precision): string {
  return DTYPE[precision].dtype;
}

/** Path of the model file: beside config.json for the plain graph, in `onnx/` where transformers.js looks. */
export function modelFile(layout: Layout, precision: Precision): string {
  const name = `model${DTYPE[precision].suffix}.onnx`;
  return layout === 'kv_cache' ? `onnx/${name}` : name;
}

/** Path of the external file of that number, from 0: `model.onnx_data`, `model.onnx_data_1` as transformers.js asks. */
export function dataFile(layout: Layout, precision: Precision, file: number): string {
  const number = file === 0 ? '' : `_${file}`;
  const model = modelFile(layout, precision);
  return layout === 'kv_cache' ? `${model}_data${number}` : `${model}.data${number}`;
}

/** The last part of a path: how a model file names its external files. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Whether an exported file belongs to an ONNX model: what a runtime needs to open it. */
export function isOnnxFile(path: string): boolean {
  return /\.onnx(?:$|_data(?:_\d+)?$|\.data(?:_\d+)?$)/.test(path);
}
