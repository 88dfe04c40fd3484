import { describe, expect, it } from 'vitest';
import { WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import type { KernelDefinition } from './kernel.ts';

const wrappers = import.meta.glob<Record<string, unknown>>(['./kernels/*.ts', '!./kernels/*.test.ts'], { eager: true });
const shaders = import.meta.glob<string>('../../../shaders/*.wgsl', { eager: true, query: '?raw', import: 'default' });

const sources = new Map(
  Object.entries(shaders).map(([path, source]) => [path.replace(/^.*\/(.*)\.wgsl$/, '$1'), source]),
);

function definitionOf(exported: unknown): KernelDefinition | undefined {
  return typeof exported === 'function' ? (exported as { definition?: KernelDefinition }).definition : undefined;
}

const definitions = Object.values(wrappers)
  .flatMap((exports) => Object.values(exports))
  .map(definitionOf)
  .filter((definition) => definition !== undefined);

describe('every kernel definition', () => {
  it('has a WGSL file of its own, and every WGSL file a definition', () => {
    expect(definitions.map(({ name }) => name).sort()).toEqual([...sources.keys()].sort());
  });
});

describe.each(definitions)('the definition of $name', (definition) => {
  const source = sources.get(definition.name) ?? '';
  // The parser takes the name of the address space for a keyword, also where it is a variable.
  const wgsl = new WgslReflect(source.replace(/\bworkgroup(?=[:.])/g, 'group_id'));
  const [storage = [], uniforms = []] = wgsl.getBindGroups();

  it('has the source of its WGSL file, with the entry point main and a head that says what it computes', () => {
    expect(definition.source).toBe(source);
    expect(wgsl.entry.compute.map(({ name }) => name)).toEqual(['main']);
    expect(source).toMatch(/^\/\/ .+/);
  });

  it('binds the same storage names in the same order with the same access', () => {
    const found = storage.map(({ name, binding, access }) => ({ name, binding, access }));
    const expected = Object.entries(definition.storage).map(([name, access], binding) => ({ name, binding, access }));
    expect(found).toEqual(expected);
  });

  it('packs the parameters as the WGSL struct lays them out', () => {
    const names = Object.keys(definition.params);
    const expected = names.map((name, i) => ({ name, type: definition.params[name], offset: 4 * i }));
    expect(uniforms.map(({ name, binding }) => ({ name, binding }))).toEqual(
      names.length > 0 ? [{ name: 'params', binding: 0 }] : [],
    );
    const members = wgsl.uniforms[0]?.members ?? [];
    expect(members.map(({ name, type, offset }) => ({ name, type: type.name, offset }))).toEqual(expected);
  });

  it('names the override constants of the WGSL', () => {
    expect(wgsl.overrides.map(({ name }) => name).sort()).toEqual(Object.keys(definition.overrides).sort());
  });
});
