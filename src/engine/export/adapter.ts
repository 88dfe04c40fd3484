/** @file The export of an adapter alone: its files, which model it belongs to, and that model on disk for as long as both are checked together. */
import { adapterBase } from '../../compress/qlora/qlora.ts';
import type { TrainedAdapter } from '../../compress/train/trained_adapter.ts';
import { baseText } from '../../export/peft/adapter_card.ts';
import { adapterModules } from '../../export/peft/modules.ts';
import { writeAdapter } from '../../export/peft/write_adapter.ts';
import { familyForm } from '../../export/safetensors/family_form.ts';
import { writeSliced } from '../../export/safetensors/write_sliced.ts';
import type { ModelFile } from '../../formats/hf/files.ts';
import type { FileSink, WrittenFile } from '../../formats/sink.ts';
import type { EnginePlatform } from '../platform.ts';
import type { RunReport } from '../protocol.ts';
import type { EngineState } from '../state.ts';
import type { ExportTarget } from './target.ts';

export interface AdapterBase {
  readonly name: string;
  readonly base_model?: string;
  /** What made it of the open model; absent: it is the open model. */
  readonly base_recipe?: string;
  readonly is_nf4: boolean;
  readonly is_dense_family: boolean;
  /** The step that trained the adapter. */
  readonly step: string;
}

export function requireAdapter({ made }: ExportTarget): { adapter: TrainedAdapter; run: RunReport } {
  if (made?.adapter) return { adapter: made.adapter, run: made.run };
  throw new RangeError('the run has no adapter');
}

/** Which model the adapter of a run is for. */
export function adapterBaseOf(state: EngineState, target: ExportTarget): AdapterBase {
  const { adapter, run } = requireAdapter(target);
  const { open, summary } = state.requireModel();
  const steps = run.recipe.split('; ');
  const before = steps.slice(0, -1).join('; ');
  return {
    name: summary.name,
    // As the Hub names models.
    ...(/^[\w.-]+\/[\w.-]+$/.test(summary.name) && { base_model: summary.name }),
    ...(before !== '' && { base_recipe: before }),
    is_nf4: adapter.base_form === 'nf4',
    is_dense_family: familyForm(adapter.base, open.raw_config) !== undefined,
    step: steps.at(-1) as string,
  };
}

/** A sentence for people. */
export function adapterNote(base: AdapterBase): string {
  const where =
    base.base_recipe === undefined ? 'the model as it was opened' : 'to be exported by itself as safetensors';
  return `These files are an adapter alone. They belong to ${baseText(base)} (${where}), and were checked together with it.`;
}

export async function writeAdapterFiles(
  state: EngineState,
  target: ExportTarget,
  openFile: (name: string) => Promise<FileSink>,
  onProgress: (done: number, total: number) => void,
): Promise<WrittenFile[]> {
  const { adapter, run } = requireAdapter(target);
  const { raw_config } = state.requireModel().open;
  const total = 4 * (run.steps.at(-1)?.training?.adapter?.parameters ?? 0);
  const files = { base: baseText(adapterBaseOf(state, target)), ...adapterModules(adapter, raw_config) };
  const written = await writeAdapter(files, openFile, (bytes) => onProgress(Math.min(bytes, total), total));
  return written.files;
}

/** Runs `work` on the files of the model that an adapter is for, as its export has them; they are removed afterwards. */
export async function withBaseFiles<T>(
  state: EngineState,
  platform: EnginePlatform,
  target: ExportTarget,
  signal: AbortSignal,
  work: (files: readonly ModelFile[]) => Promise<T>,
): Promise<T> {
  const { open } = state.requireModel();
  const scratch = await platform.createScratch();
  const folder = await platform.createExportFolder(`${target.id}.peft-base`);
  try {
    const { base } = await adapterBase(requireAdapter(target).adapter, { scratch, signal });
    const options = { config: open.raw_config, signal };
    const { files } = await writeSliced(base, options, (name) => folder.create(name));
    const written = files.map(async ({ name }) => ({ path: `base/${name}`, blob: await folder.file(name) }));
    const own = open.tokenizer_files.filter(({ name }) => !files.some((file) => file.name === name));
    const others = own.map(({ name, bytes }) => ({ path: `base/${name}`, blob: new Blob([bytes.slice()]) }));
    return await work([...(await Promise.all(written)), ...others]);
  } finally {
    await folder.remove();
    await scratch.clear();
  }
}
