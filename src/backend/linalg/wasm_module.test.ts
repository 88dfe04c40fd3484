/** That what engines are asked for stands in a module as V8 reads it; whether they obey is `findings/compilation_hints_have_no_list.sh`. */
import { expect, it } from 'vitest';
import { assemble, F64, i32Const, localGet, type WasmFunction } from './wasm_module.ts';

const DROP = 0x1a;
const named = (name: string): WasmFunction => ({
  ...{ name, parameters: 1, locals: [[1, F64]] },
  code: [...localGet(0), DROP, ...i32Const(7), DROP],
});

it.each([1, 2, 130])('asks that each of %i functions be optimised at once, in a module that runs', (count) => {
  const functions = Array.from({ length: count }, (_, i) => named(`f${i}`));
  const module = new WebAssembly.Module(assemble(functions));
  const [section] = WebAssembly.Module.customSections(module, 'metadata.code.compilation_priority');
  const bytes = [...new Uint8Array(section)];
  const integer = () => {
    let [value, shift] = [0, 0];
    for (let byte = 128; byte >= 128; shift += 7) {
      byte = bytes.shift() as number;
      value |= (byte & 127) << shift;
    }
    return value;
  };
  expect(integer()).toBe(count);
  for (let index = 0; index < count; index++) {
    expect(integer()).toBe(index);
    // Of the whole function; two values, both the first priority.
    expect([integer(), integer(), integer(), integer()]).toEqual([0, 2, 0, 0]);
  }
  expect(bytes).toEqual([]);
  const memory = new WebAssembly.Memory({ initial: 1 });
  const { exports } = new WebAssembly.Instance(module, { host: { memory } });
  expect(Object.keys(exports)).toHaveLength(count);
  (exports[`f${count - 1}`] as (value: number) => void)(3);
});
