/** @file Command `write_imatrix`: the calibration text's importance matrix of the open model, as llama-quantize reads it. */
import { type InputEnergy, importanceKey, inputEnergies } from '../../compress/gguf/importance.ts';
import type { LinearName } from '../../compress/layerwise_types.ts';
import { WhittleError } from '../../errors/errors.ts';
import { type ImportanceName, importanceNames } from '../../export/gguf/importance_names.ts';
import { writeFile } from '../../export/write_file.ts';
import { type Imatrix, type ImatrixEntry, readImatrix, writeImatrix } from '../../formats/gguf/imatrix.ts';
import { blobSource } from '../../formats/source.ts';
import { compressionContext } from '../measure_commands.ts';
import type { EnginePlatform, ExportFolder } from '../platform.ts';
import { type Emit, memoryReport, ProgressMeter } from '../progress.ts';
import type { ExportedFile } from '../protocol.ts';
import type { EngineState } from '../state.ts';

export const IMATRIX_FILE = 'imatrix.gguf';
/** Beside the keys of exports, which are formats and precisions. */
const KEY = 'imatrix';

export interface ImatrixReport {
  /** OPFS folder (from the origin's root) that holds the file. */
  readonly folder: string;
  readonly file: ExportedFile;
  /** Matrices that it has figures for, and the tokens that they were summed over. */
  readonly tensors: number;
  readonly tokens: number;
  readonly duration_ms: number;
}

/** Throws `bad_option` for a model that llama.cpp has no names for; `verification_failed`. */
export async function writeImatrixCommand(
  state: EngineState,
  platform: EnginePlatform,
  emit: Emit,
  signal: AbortSignal,
): Promise<ImatrixReport> {
  const started = performance.now();
  const { open } = state.requireModel();
  const { calibration, protocol } = state.requireTexts();
  const names = importanceNames(open.model, open.raw_config);
  if (typeof names === 'string') throw noNames(names);
  const meter = new ProgressMeter(emit, 'calibration', () => memoryReport(state));
  const scratch = await platform.createScratch();
  let energies: ReadonlyMap<string, InputEnergy>;
  try {
    const shared = compressionContext(state, platform, scratch, 'dense', meter, emit, signal);
    energies = await inputEnergies(open.model, { ...shared, dense: open.model, before: [], after: [] });
  } finally {
    await scratch.clear();
  }
  const imatrix: Imatrix = {
    datasets: [protocol.calibration.name],
    chunk_count: calibration.count,
    chunk_size: calibration.seqlen,
    entries: new Map(names.map((name) => [name.tensor, entryOf(name, energies)])),
  };
  await state.denseExports.get(KEY)?.remove();
  state.denseExports.delete(KEY);
  const folder = await platform.createExportFolder(`dense.${KEY}`);
  try {
    const file = await writeFile((name) => folder.create(name), IMATRIX_FILE, writeImatrix(imatrix));
    await verify(folder, imatrix);
    state.denseExports.set(KEY, folder);
    const tokens = calibration.count * calibration.seqlen;
    const duration_ms = performance.now() - started;
    return { folder: folder.path, file, tensors: imatrix.entries.size, tokens, duration_ms };
  } catch (error) {
    await folder.remove();
    throw error;
  }
}

export function noNames(reason: string): WhittleError {
  return new WhittleError({
    code: 'bad_option',
    message: `llama.cpp has no names for this model's matrices. ${reason}`,
    place: { field: 'imatrix' },
    allowed: 'models that can be written as GGUF',
  });
}

/** Parts of one matrix read the same inputs. */
function entryOf(
  { layer, linears: [first] }: ImportanceName,
  energies: ReadonlyMap<string, InputEnergy>,
): ImatrixEntry {
  const { sums, tokens } = energies.get(importanceKey({ layer, name: first as LinearName })) as InputEnergy;
  return { sums: Float32Array.from(sums), counts: Float32Array.of(tokens) };
}

/** Opened again, every number is what was measured. */
async function verify(folder: ExportFolder, { entries }: Imatrix): Promise<void> {
  const again = await readImatrix(blobSource(IMATRIX_FILE, await folder.file(IMATRIX_FILE)));
  const isSame = (a: Float32Array, b: Float32Array) => a.length === b.length && a.every((value, i) => value === b[i]);
  const wrong = [...entries].find(([name, { sums, counts }]) => {
    const found = again.entries.get(name);
    return !found || !isSame(sums, found.sums) || !isSame(counts, found.counts);
  });
  if (!wrong && again.entries.size === entries.size) return;
  throw new WhittleError({
    code: 'verification_failed',
    message: 'The written file does not hold what was measured.',
    place: { file: IMATRIX_FILE, tensor: wrong?.[0] },
  });
}
