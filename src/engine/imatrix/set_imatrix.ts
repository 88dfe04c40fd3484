/**
 * @file Command `set_imatrix`: another program's importance matrix in place of the calibration text's, for steps that weigh
 * errors by it.
 */
import { importanceKey } from '../../compress/gguf/importance.ts';
import type { LinearName } from '../../compress/layerwise_types.ts';
import { WhittleError } from '../../errors/errors.ts';
import { type ImportanceName, importanceNames } from '../../export/gguf/importance_names.ts';
import { type Imatrix, readImatrix } from '../../formats/gguf/imatrix.ts';
import { blobSource } from '../../formats/source.ts';
import { fileDigest } from '../file_digest.ts';
import type { EngineState } from '../state.ts';
import { noNames } from './write_imatrix.ts';

/** What was opened, for people. */
export interface ImportanceReport {
  readonly name: string;
  /** As the file names them. */
  readonly datasets: readonly string[];
  /** Tokens that the first matrix was measured on. */
  readonly tokens: number;
  /** Of the file's bytes: stages of a recipe, and runs, are told apart by it. */
  readonly sha256: string;
}

export interface OpenedImportance {
  readonly report: ImportanceReport;
  /** Mean x² of each input, by "LAYER.LINEAR". */
  readonly values: ReadonlyMap<string, Float64Array>;
}

/** Null takes it away again. Throws `bad_gguf` for a bad file and `bad_option` for one of another model. */
export async function setImatrixCommand(state: EngineState, file: File | null): Promise<ImportanceReport | null> {
  if (!file) {
    state.importance = undefined;
    return null;
  }
  const { open } = state.requireModel();
  const names = importanceNames(open.model, open.raw_config);
  if (typeof names === 'string') throw noNames(names);
  const imatrix = await readImatrix(blobSource(file.name, file));
  const values = new Map<string, Float64Array>();
  for (const name of names) {
    const mean = meansOf(file.name, imatrix, name);
    for (const linear of name.linears) {
      values.set(importanceKey({ layer: name.layer, name: linear as LinearName }), mean);
    }
  }
  const tokens = imatrix.entries.get(names[0].tensor)?.counts[0] ?? 0;
  const report = { name: file.name, datasets: imatrix.datasets, tokens, sha256: await fileDigest(file) };
  state.importance = { report, values };
  return report;
}

function meansOf(file: string, { entries }: Imatrix, { tensor, columns }: ImportanceName): Float64Array {
  const other = (message: string) =>
    new WhittleError({
      code: 'bad_option',
      message,
      place: { file, tensor },
      allowed: `${columns} inputs, as the open model has`,
      action: 'Choose the importance matrix of this model, or leave it out: the calibration text is measured then.',
    });
  const entry = entries.get(tensor);
  if (!entry) throw other(`The importance matrix says nothing of ${tensor}: it is of another model, or not complete.`);
  const { sums, counts } = entry;
  if (counts.length !== 1) throw other(`The importance matrix has ${counts.length} experts for ${tensor}.`);
  if (sums.length !== columns) throw other(`The importance matrix has ${sums.length} inputs for ${tensor}.`);
  if (!(counts[0] > 0)) throw other(`The importance matrix of ${tensor} was measured on no tokens.`);
  return Float64Array.from(sums, (sum) => sum / counts[0]);
}
