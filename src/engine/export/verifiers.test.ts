/** When the builds of an export are opened, and that none stays open. */
import { describe, expect, it } from 'vitest';
import type { RuntimeBuild } from '../verify/builds.ts';
import type { Verifier } from '../verify/verifier.ts';
import { MOST_BYTES_TOGETHER, OnnxVerifiers } from './verifiers.ts';

function platform() {
  const told: string[] = [];
  const openVerifier = (build: RuntimeBuild, runtimes?: number) => {
    told.push(`open ${build}, one of ${runtimes}`);
    return { close: () => told.push(`close ${build}`) } as unknown as Verifier;
  };
  return { told, openVerifier };
}

describe('verifiers of an export', () => {
  it('load together for a small model', () => {
    const { told, ...opens } = platform();
    const verifiers = new OnnxVerifiers(opens, ['wasm', 'webgpu'], MOST_BYTES_TOGETHER);
    expect(told).toEqual(['open wasm, one of 2', 'open webgpu, one of 2']);
    expect(verifiers.areTogether).toBe(true);
    expect(verifiers.of('webgpu')).toBe(verifiers.of('webgpu'));
    verifiers.close();
    expect(told.slice(2)).toEqual(['close wasm', 'close webgpu']);
  });

  it('load one by one for a large one, whose verification needs the memory', () => {
    const { told, ...opens } = platform();
    const verifiers = new OnnxVerifiers(opens, ['wasm', 'webgpu'], MOST_BYTES_TOGETHER + 1);
    verifiers.of('wasm').close();
    expect(told).toEqual(['open wasm, one of 1', 'close wasm']);
    verifiers.of('webgpu');
    verifiers.close();
    expect(told.slice(2)).toEqual(['open webgpu, one of 1', 'close wasm', 'close webgpu']);
  });
});
