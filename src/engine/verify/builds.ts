/**
 * @file The builds of onnxruntime-web that an exported ONNX file is run in. A file that one build runs, another may refuse:
 * their CPU providers do not have the same operators.
 */
import type { ExportFormat } from '../export/options.ts';

/**
 * Named after the package's entry points.
 * - `wasm`: `onnxruntime-web/wasm` of the newest release, the build for the CPU alone (and, in kernels, the default one).
 * - `webgpu`: `onnxruntime-web/webgpu` (asyncify) in the version that transformers.js pins, on its CPU provider, which is
 *   transformers.js' default device in a browser.
 */
export type RuntimeBuild = 'wasm' | 'webgpu';

/** Every window runs in one of them. */
export function buildsFor(format: ExportFormat): readonly RuntimeBuild[] {
  if (format === 'transformers.js') return ['webgpu'];
  return format === 'onnx' ? ['wasm', 'webgpu'] : [];
}

/** What a file was run in, for people who want to run it there. */
export interface RuntimeCheck {
  readonly name: 'onnxruntime-web';
  readonly version: string;
  readonly build: RuntimeBuild;
  /** Windows of the evaluation text that ran there whole. */
  readonly windows: number;
  /** Sessions that a window went through, where the file is too large for one. */
  readonly parts?: number;
}

/** "onnxruntime-web 1.30.0 (wasm)". */
export function runtimeName({ name, version, build, parts }: RuntimeCheck): string {
  return `${name} ${version} (${build}${parts ? `, in ${parts} parts` : ''})`;
}
