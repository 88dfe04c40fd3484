import { describe, expect, it } from 'vitest';
import type { ExportReport } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import { studioWith } from '../testing.ts';
import { exportRun } from './export_run.ts';
import { openModel } from './open_model.ts';
import { preview } from './preview.ts';

const DEMO = { kind: 'demo' } as const;
const EXPORT: ExportReport = {
  id: 'slice-1',
  options: { format: 'onnx', precision: 'stored', external_data: 'auto' },
  folder: 'exports/slice-1',
  files: [],
  verified: true,
  perplexity: 79.8,
  perplexity_in_app: 79.8,
  max_abs_logit_difference: 1e-5,
  duration_ms: { export: 1, verification: 1 },
};

describe('export', () => {
  async function sliced(answer: () => ExportReport) {
    const { studio } = studioWith({ export: answer });
    await openModel(studio, DEMO);
    await preview(studio);
    await exportRun(studio, 'slice-1');
    return studio.store.getState().results.runs[0];
  }

  it('offers a verified export, and keeps its run from being thrown away', async () => {
    expect(await sliced(() => EXPORT)).toMatchObject({ is_preview: false, export: { state: 'done' } });
  });

  it('never offers one that was not verified', async () => {
    const run = await sliced(() => ({ ...EXPORT, verified: false, perplexity: 91 }));
    expect(run.export).toMatchObject({ state: 'failed', error: { code: 'verification_failed' } });
  });

  it('says what failed', async () => {
    const run = await sliced(() => {
      throw new WhittleError({ code: 'storage_full', message: 'No space left.' });
    });
    expect(run.export).toMatchObject({ state: 'failed', error: { code: 'storage_full' } });
  });
});
