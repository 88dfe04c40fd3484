/** @file Packed checkpoints with one thing wrong: parts that are missing, of another type, size or meaning. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { jsonBlob } from '../fixtures/tiny_llama.ts';
import { tinyTokenizerJson } from '../fixtures/tiny_tokenizer.ts';
import type { Malformed } from './malformed.ts';

const FOLDER = new URL('../fixtures/packed/', import.meta.url);
const unzipped = (name: string) => gunzipSync(readFileSync(new URL(`${name}.gz`, FOLDER)));
const UP = 'model.layers.0.mlp.up_proj';
const FILE = 'model.safetensors';

type Header = Record<string, { dtype: string; shape: number[]; data_offsets: [number, number] }>;
interface Parts {
  header: Header;
  data: Uint8Array;
  config: Record<string, unknown>;
}

function file(what: string, variant: string, edit: (parts: Parts) => void, rest: Partial<Malformed>): Malformed {
  const files = async () => {
    const facts = JSON.parse(String(unzipped('variants.json')));
    const bytes = unzipped(`${variant}.safetensors`);
    const length = Number(bytes.readBigUInt64LE(0));
    const header: Header = JSON.parse(String(bytes.subarray(8, 8 + length)));
    const parts = {
      header,
      data: new Uint8Array(bytes.subarray(8 + length)),
      config: facts.variants[variant].quantization_config,
    };
    edit(parts);
    const text = new TextEncoder().encode(JSON.stringify(parts.header));
    const size = new DataView(new ArrayBuffer(8));
    size.setBigUint64(0, BigInt(text.length), true);
    return [
      { path: 'config.json', blob: jsonBlob({ ...facts.config, quantization_config: parts.config }) },
      { path: 'tokenizer.json', blob: jsonBlob(tinyTokenizerJson()) },
      { path: FILE, blob: new Blob([size.buffer, text, parts.data.slice()]) },
    ];
  };
  return { what: `${variant}: ${what}`, files, code: 'bad_safetensors', file: FILE, ...rest };
}

function rename(from: string, to: string) {
  return ({ header }: Parts) => {
    header[to] = header[from];
    delete header[from];
  };
}

const reshape =
  (name: string, shape: number[]) =>
  ({ header }: Parts) => {
    header[name].shape = shape;
  };
const retype =
  (name: string, dtype: string) =>
  ({ header }: Parts) => {
    header[name].dtype = dtype;
  };
const write =
  (name: string, value: number) =>
  ({ header, data }: Parts) => {
    new DataView(data.buffer).setInt32(data.byteOffset + header[name].data_offsets[0], value, true);
  };
const configure = (key: string, value: unknown) => (parts: Parts) => {
  parts.config = { ...parts.config, [key]: value };
};

export function packedFiles(): Malformed[] {
  const config = { file: 'config.json', code: ['unsupported_dtype', 'bad_config'] as const };
  return [
    file('no scales', 'gptq_1_act_order', rename(`${UP}.scales`, `${UP}.scalez`), {
      code: 'missing_tensor',
      where: `${UP}.scales`,
    }),
    file('no zeros', 'awq_gemm', rename(`${UP}.qzeros`, `${UP}.other`), {
      code: 'missing_tensor',
      where: `${UP}.qzeros`,
    }),
    file('codes of other sizes', 'gptq_1_act_order', reshape(`${UP}.qweight`, [8, 32]), { where: `${UP}.qweight` }),
    file('codes as floats', 'gptq_1_act_order', retype(`${UP}.qweight`, 'F32'), {
      where: `${UP}.qweight`,
      found: 'F32',
    }),
    file('zeros of other sizes', 'gptq_1_act_order', reshape(`${UP}.qzeros`, [8, 2]), { where: `${UP}.qzeros` }),
    file('a group too high', 'gptq_1_act_order', write(`${UP}.g_idx`, 99), { where: `${UP}.g_idx`, found: '99' }),
    file('a group below 0', 'gptq_1_act_order', write(`${UP}.g_idx`, -1), { where: `${UP}.g_idx`, found: '-1' }),
    file('a weight stored twice', 'gptq_1_act_order', rename(`${UP}.g_idx`, `${UP}.weight`), {
      where: `${UP}.weight`,
      found: 'twice',
    }),
    file('columns that do not fit the zeros', 'awq_gemm', reshape(`${UP}.qweight`, [16, 16]), {
      where: `${UP}.qweight`,
    }),
    file('another shape than its codes', 'ct_w4a16', write(`${UP}.weight_shape`, 63), { where: `${UP}.weight_packed` }),
    file('no shape', 'ct_w4a16', rename(`${UP}.weight_shape`, `${UP}.x`), {
      code: 'missing_tensor',
      where: `${UP}.weight_shape`,
    }),
    file('scales in another layout', 'ct_w4a16', reshape(`${UP}.weight_scale`, [2, 64]), {
      where: `${UP}.weight_scale`,
    }),
    file('scales as integers', 'ct_int8', retype(`${UP}.weight_scale`, 'I32'), {
      where: `${UP}.weight_scale`,
      found: 'I32',
    }),
    file('no global scale', 'ct_nvfp4', rename(`${UP}.weight_global_scale`, `${UP}.x`), {
      code: 'missing_tensor',
      found: 'weight_scale_2',
    }),
    file('scales of other sizes', 'modelopt_nvfp4', reshape(`${UP}.weight_scale`, [128, 1]), {
      where: `${UP}.weight_scale`,
    }),
    file('a layout for Marlin', 'gptq_1_act_order', configure('checkpoint_format', 'marlin'), {
      ...config,
      found: 'marlin',
    }),
    file('words of 16 bits', 'gptq_1_act_order', configure('pack_dtype', 'int16'), { ...config, found: 'int16' }),
    file('a group size that is text', 'gptq_1_act_order', configure('group_size', '128'), {
      ...config,
      where: 'quantization_config.group_size',
    }),
    file('GEMV', 'awq_gemm', configure('version', 'gemv_fast'), { ...config, found: 'gemv_fast' }),
    file('a sparse format', 'ct_w4a16', configure('format', 'marlin-24'), { ...config, found: 'marlin-24' }),
  ];
}
