/** @file An engine platform in memory, so that the whole engine runs under Node as it does in the Worker. */
import { openAsBlob } from 'node:fs';
import { fileURLToPath } from 'node:url';
import * as pinned from 'onnxruntime-web/webgpu';
import * as stable from 'onnxruntime-web-stable/wasm';
import type { Backend } from '../../src/backend/backend.ts';
import { createWasmBackend } from '../../src/backend/wasm/wasm_backend.ts';
import type { EnginePlatform, ExportFolder } from '../../src/engine/platform.ts';
import { writeText } from '../../src/engine/verify/session_text.ts';
import { VERIFY_LIMITS, type VerifyLimits, verifyFiles } from '../../src/engine/verify/verify_files.ts';
import { memoryScratch } from '../../src/models/scratch.ts';
import { TEXT_FILES } from '../../tools/texts/texts.ts';

// Node has no cross-origin isolation to allow threads; one is enough for models of this size.
for (const { env } of [stable, pinned]) env.wasm.numThreads = 1;

export interface MemoryPlatform extends EnginePlatform {
  /** Everything exported and not removed: folder → file → bytes. */
  readonly exports: Map<string, Map<string, Uint8Array>>;
  readonly backends: Backend[];
}

export function memoryPlatform(
  overrides: Partial<EnginePlatform> = {},
  limits: VerifyLimits = VERIFY_LIMITS,
): MemoryPlatform {
  const exports = new Map<string, Map<string, Uint8Array>>();
  const backends: Backend[] = [];
  return {
    exports,
    backends,
    async createBackend() {
      const backend = createWasmBackend();
      backends.push(backend);
      return backend;
    },
    createScratch: async () => memoryScratch(),
    createExportFolder: async (id) => memoryFolder(exports, id),
    openVerifier: (build) => ({
      verify: (files, windows, options) =>
        verifyFiles(build === 'wasm' ? stable : pinned, files, windows, options, limits),
      generate: (files, job, options) => writeText(build === 'wasm' ? stable : pinned, files, job, options),
      close() {},
    }),
    demoFile,
    hub: { endpoint: 'http://hub.invalid', fetch: () => Promise.reject(new Error('This test asks for no download.')) },
    ...overrides,
  };
}

/** As the built site has it: files of `public/`, and texts that are made. */
async function demoFile(name: string): Promise<Blob> {
  const text = TEXT_FILES.get(name);
  if (text) return new Blob([text() as Uint8Array<ArrayBuffer>]);
  return openAsBlob(fileURLToPath(new URL(`../../public/demo/${name}`, import.meta.url)));
}

function memoryFolder(exports: MemoryPlatform['exports'], id: string): ExportFolder {
  const files = new Map<string, Uint8Array>();
  exports.set(id, files);
  return {
    path: id,
    async create(name) {
      files.set(name, new Uint8Array());
      return {
        async write(bytes) {
          const before = files.get(name) as Uint8Array;
          const after = new Uint8Array(before.length + bytes.length);
          after.set(before);
          after.set(bytes, before.length);
          files.set(name, after);
        },
        async close() {},
      };
    },
    file: async (name) => new Blob([files.get(name)?.slice() as Uint8Array<ArrayBuffer>]),
    list: async () => [...files.keys()].sort(),
    async remove() {
      exports.delete(id);
    },
  };
}
