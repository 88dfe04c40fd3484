import { describe, expect, it } from 'vitest';
import { WgslReflect } from 'wgsl_reflect/wgsl_reflect.module.js';
import { originOf, shaderCode } from './fragments.ts';
import type { KernelDefinition } from './kernel.ts';

const wrappers = import.meta.glob<Record<string, unknown>>(['./kernels/*.ts', '!./kernels/*.test.ts'], { eager: true });
const shaders = import.meta.glob<string>('../../../shaders/*.wgsl', { eager: true, query: '?raw', import: 'default' });

const kernelTests = import.meta.glob<string>('./kernels/*.test.ts', { eager: true, query: '?raw', import: 'default' });
const commonShaders = import.meta.glob<string>('../../../shaders/common/*.wgsl', {
  eager: true,
  query: '?raw',
  import: 'default',
});

function byStem(files: Record<string, string>): Map<string, string> {
  return new Map(Object.entries(files).map(([path, source]) => [path.replace(/^.*\/(.*)\.wgsl$/, '$1'), source]));
}

const sources = byStem(shaders);
const fragments = byStem(commonShaders);

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

  it('is named by the test that runs it', () => {
    const tests = Object.values(kernelTests).join();
    expect([...sources.keys()].filter((stem) => !new RegExp(`\\b${stem}\\b`).test(tests))).toEqual([]);
  });
});

describe.each([...fragments])('the fragment common/%s.wgsl', (name, source) => {
  const users = definitions.filter(({ common }) => common?.some((fragment) => fragment === name));

  it('serves more than one kernel, says what it is, and has no entry point', () => {
    expect(users.length).toBeGreaterThan(1);
    expect(source).toMatch(/^\/\/ .+/);
    expect(source).not.toContain('@compute');
  });

  it('stands behind the own file of each kernel, and its lines are found again', () => {
    for (const user of users) {
      const code = shaderCode(user);
      expect(code.startsWith(user.source)).toBe(true);
      const lines = code.split('\n');
      const found = lines.flatMap((text, at) => {
        const { file, line } = originOf(user, at + 1);
        return file === `common/${name}.wgsl` ? [{ text, line }] : [];
      });
      expect(found).toEqual(source.split('\n').map((text, at) => ({ text, line: at + 1 })));
      expect(originOf(user, 3)).toEqual({ file: `${user.name}.wgsl`, line: 3 });
    }
  });
});

describe.each(definitions)('the definition of $name', (definition) => {
  const source = sources.get(definition.name) ?? '';
  const wgsl = new WgslReflect(shaderCode(definition));
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
