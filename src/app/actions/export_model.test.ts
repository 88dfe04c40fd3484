import { describe, expect, it } from 'vitest';
import type { Commands, ExportReport } from '../../engine/protocol.ts';
import { WhittleError } from '../../errors/errors.ts';
import { exportReport, studioWith, untilCancelled } from '../testing.ts';
import { exportModel } from './export_model.ts';
import { cancelJob } from './job.ts';
import { openModel } from './open_model.ts';
import { preview } from './preview.ts';

const DEMO = { kind: 'demo' } as const;
const ONNX = { format: 'onnx', precision: 'stored' } as const;
const INT4 = { format: 'transformers.js', precision: 'int4' } as const;

type Request = Commands['export']['request'];

async function sliced(answer: (request: Request, signal?: AbortSignal) => ExportReport | Promise<ExportReport>) {
  const { studio, engine } = studioWith({ export: (request, _emit, signal) => answer(request, signal) });
  await openModel(studio, DEMO);
  await preview(studio);
  return { studio, engine, exports: () => studio.store.getState().results.runs[0].exports };
}

describe('export', () => {
  it('offers a verified export, and keeps its run from being thrown away', async () => {
    const { studio, exports } = await sliced(exportReport);
    await exportModel(studio, 'run-1', ONNX);
    expect(exports()).toMatchObject([{ choice: ONNX, state: 'done', protocol: { seqlen: 256 } }]);
    expect(studio.store.getState().results.runs[0].is_preview).toBe(false);
  });

  it('keeps one of each format and precision, the newest in front', async () => {
    const { studio, exports, engine } = await sliced(exportReport);
    for (const choice of [ONNX, INT4, ONNX]) await exportModel(studio, 'run-1', choice);
    expect(exports().map(({ choice }) => choice)).toEqual([INT4, ONNX]);
    expect(engine.commands.filter(({ kind }) => kind === 'export').map(({ request }) => request)).toEqual(
      [ONNX, INT4, ONNX].map((options) => ({ id: 'run-1', options })),
    );
  });

  it('exports the open model as it is, apart from its runs', async () => {
    const { studio, exports } = await sliced(exportReport);
    await exportModel(studio, 'dense', INT4);
    expect(studio.store.getState().results.dense_exports).toMatchObject([{ choice: INT4, state: 'done' }]);
    expect(exports()).toEqual([]);
    await openModel(studio, DEMO);
    expect(studio.store.getState().results.dense_exports).toEqual([]);
  });

  it('never offers one that was not verified', async () => {
    const { studio, exports } = await sliced((request) => ({ ...exportReport(request), verified: false }));
    await exportModel(studio, 'run-1', ONNX);
    expect(exports()).toMatchObject([{ state: 'failed', error: { code: 'verification_failed' } }]);
  });

  it('says what failed, beside those that did not', async () => {
    const { studio, exports } = await sliced((request) => {
      if (request.options?.precision === 'int4') throw new WhittleError({ code: 'storage_full', message: 'No space.' });
      return exportReport(request);
    });
    await exportModel(studio, 'run-1', ONNX);
    await exportModel(studio, 'run-1', INT4);
    expect(exports()).toMatchObject([{ state: 'failed', error: { code: 'storage_full' } }, { state: 'done' }]);
  });

  it('leaves nothing of one that was cancelled', async () => {
    const { studio, exports } = await sliced((_, signal) => untilCancelled(signal));
    const ended = exportModel(studio, 'run-1', ONNX);
    await new Promise((resolve) => setTimeout(resolve));
    expect(exports()).toMatchObject([{ state: 'running' }]);
    cancelJob(studio);
    await ended;
    expect(exports()).toEqual([]);
  });
});
