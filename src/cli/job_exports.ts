/** @file The exports of a headless job: where they go, and that only verified ones are saved. */

import { join } from 'node:path';
import type { ExportReport } from '../engine/protocol.ts';
import { toErrorData, WhittleError } from '../errors/errors.ts';
import type { Driver } from './browser.ts';
import type { Outcomes, RunningJob } from './job_types.ts';
import { type CliOptions, type ExportChoice, exportChoices } from './options.ts';

/**
 * Folder of one export: the out folder itself, in it `s0.25` for one of several sparsities or `r1` for a recipe, and in that `onnx-int4` for
 * one of several exports: their configs and reports differ, so each folder is complete by itself.
 */
export function exportFolder(
  options: CliOptions,
  sparsity: number | undefined,
  choice: ExportChoice,
  recipe?: number,
): string {
  const { format, precision } = choice;
  const isOne = exportChoices(options).length === 1;
  return join(
    options.out,
    recipe === undefined ? '' : `r${recipe + 1}`,
    sparsity !== undefined && options.sparsity.length + (options.recipe?.length ?? 0) > 1 ? `s${sparsity}` : '',
    isOne ? '' : precision === 'stored' ? format : `${format}-${precision}`,
  );
}

/** All exports of one model. What cannot be written, or computes something else, does not stop the others. */
export async function exportAll(
  job: RunningJob,
  id: string,
  outcomes: Outcomes,
  sparsity?: number,
  recipe?: { text: string; index: number },
): Promise<void> {
  const { options, driver, onEvent, watch } = job;
  for (const choice of exportChoices(options)) {
    try {
      const exported = await driver.run('export', { id, options: choice }, onEvent);
      await saveExport(exported, exportFolder(options, sparsity, choice, recipe?.index), driver);
      outcomes.push(exported);
      watch.lap('export');
      watch.move('export', 'verification', exported.duration_ms.verification);
    } catch (thrown) {
      watch.lap('export');
      const error = toErrorData(thrown);
      outcomes.push({ options: choice, error: error.message });
      if (error.code !== 'verification_failed' && error.code !== 'bad_option') throw thrown;
      job.failures.push({ sparsity, ...(recipe && { recipe: recipe.text }), choice, error });
    }
  }
}

async function saveExport(exported: ExportReport, folder: string, driver: Driver): Promise<void> {
  if (!exported.verified) {
    throw new WhittleError({
      code: 'verification_failed',
      message: `The file has perplexity ${exported.perplexity}, the app ${exported.perplexity_in_app}.`,
      place: { file: exported.folder },
      action: 'Nothing of it was saved. Try another --format or --precision, or --backend cpu; and please report this.',
    });
  }
  for (const file of exported.files) {
    // The report over the whole job stands in its place when the folders are the same.
    await driver.save(exported.folder, file, join(folder, file.name));
  }
}
