/** When the builds of an export are opened, and that none stays open. */
import { describe, expect, it } from 'vitest';
import type { RuntimeBuild } from '../verify/builds.ts';
import type { Verifier } from '../verify/verifier.ts';
import { MOST_BYTES_TOGETHER, MOST_LOGITS_TOGETHER, OnnxVerifiers } from './verifiers.ts';

function platform() {
  const told: string[] = [];
  const openVerifier = (build: RuntimeBuild, runtimes?: number) => {
    told.push(`open ${build}, one of ${runtimes}`);
    return { close: () => told.push(`close ${build}`) } as unknown as Verifier;
  };
  return { told, openVerifier };
}

const LARGEST = { model_bytes: MOST_BYTES_TOGETHER, logits_bytes: MOST_LOGITS_TOGETHER };

describe('verifiers of an export', () => {
  it('load together for a small model', () => {
    const { told, ...opens } = platform();
    const verifiers = new OnnxVerifiers(opens, ['wasm', 'webgpu'], LARGEST);
    expect(told).toEqual(['open wasm, one of 2', 'open webgpu, one of 2']);
    expect(verifiers.areTogether).toBe(true);
    expect(verifiers.of('webgpu')).toBe(verifiers.of('webgpu'));
    verifiers.close();
    expect(told.slice(2)).toEqual(['close wasm', 'close webgpu']);
  });

  it.each([
    { ...LARGEST, model_bytes: MOST_BYTES_TOGETHER + 1 },
    { ...LARGEST, logits_bytes: MOST_LOGITS_TOGETHER + 1 },
  ])('load one by one where their verification needs the memory: %o', (sizes) => {
    const { told, ...opens } = platform();
    const verifiers = new OnnxVerifiers(opens, ['wasm', 'webgpu'], sizes);
    verifiers.of('wasm').close();
    expect(told).toEqual(['open wasm, one of 1', 'close wasm']);
    verifiers.of('webgpu');
    verifiers.close();
    expect(told.slice(2)).toEqual(['open webgpu, one of 1', 'close wasm', 'close webgpu']);
  });
});
