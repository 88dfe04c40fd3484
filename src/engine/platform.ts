/**
 * @file What the engine needs from the outside world. The Worker gives it browser APIs; tests give it memory. The engine
 * itself knows neither files nor OPFS.
 */
import type { Backend, BackendKind } from '../backend/backend.ts';
import type { FileSink } from '../formats/sink.ts';
import type { ScratchStore } from '../models/scratch.ts';
import type { HubNetwork } from '../platform/hub/lookup.ts';
import type { KeptStore } from './kept/kept_store.ts';
import type { RuntimeBuild } from './verify/builds.ts';
import type { Verifier } from './verify/verifier.ts';

export interface EnginePlatform {
  /** Throws `no_webgpu` where the kind cannot be had. */
  createBackend(kind: BackendKind): Promise<Backend>;
  createScratch(): Promise<ScratchStore>;
  /** Bytes that can still be stored, found by trying: at least `needed` where so many can; undefined where nobody knows. */
  freeStorage?(needed: number): Promise<number | undefined>;
  /** A new, empty folder for one export. */
  createExportFolder(id: string): Promise<ExportFolder>;
  /** A build of onnxruntime-web for one job, away from this thread where there is another. @param runtimes That run at once; absent: one. */
  openVerifier(build: RuntimeBuild, runtimes?: number): Verifier;
  /** One file of the built-in model, as a Blob. */
  demoFile(name: string): Promise<Blob>;
  /** Where a session outlives its engine; absent: nothing does. */
  readonly kept?: KeptStore;
  /** Used by the commands that the person sends for it, and by nothing else. */
  readonly hub: HubNetwork & { endpoint: string };
}

export interface ExportFolder {
  /** Path of the folder, for the page that downloads from it. */
  readonly path: string;
  create(name: string): Promise<FileSink>;
  /** A finished file. */
  file(name: string): Promise<Blob>;
  /** Names of all finished files. */
  list(): Promise<string[]>;
  /** Removes the folder and everything in it. */
  remove(): Promise<void>;
}
