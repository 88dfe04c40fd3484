/** @file Element types that an ONNX file may name (`TensorProto.DataType` of onnx.proto), with their size in bits. */

export interface OnnxType {
  readonly name: string;
  /** Bits of one element in `raw_data`; undefined for text, which has no fixed size. */
  readonly bits?: number;
}

export const ONNX_TYPES: ReadonlyMap<number, OnnxType> = new Map(
  [
    ['FLOAT', 32],
    ['UINT8', 8],
    ['INT8', 8],
    ['UINT16', 16],
    ['INT16', 16],
    ['INT32', 32],
    ['INT64', 64],
    ['STRING', undefined],
    ['BOOL', 8],
    ['FLOAT16', 16],
    ['DOUBLE', 64],
    ['UINT32', 32],
    ['UINT64', 64],
    ['COMPLEX64', 64],
    ['COMPLEX128', 128],
    ['BFLOAT16', 16],
    ['FLOAT8E4M3FN', 8],
    ['FLOAT8E4M3FNUZ', 8],
    ['FLOAT8E5M2', 8],
    ['FLOAT8E5M2FNUZ', 8],
    ['UINT4', 4],
    ['INT4', 4],
    ['FLOAT4E2M1', 4],
    ['FLOAT8E8M0', 8],
    ['UINT2', 2],
    ['INT2', 2],
  ].map(([name, bits], i) => [i + 1, { name, bits } as OnnxType]),
);
