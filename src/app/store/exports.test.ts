import { describe, expect, it } from 'vitest';
import type { TrainingReport } from '../../compress/train/report.ts';
import { exportReport, PROTOCOL, perplexityReport } from '../testing.ts';
import {
  changeAgainst,
  EXPORT_FORMATS,
  type ExportEntry,
  exportName,
  formatPurpose,
  formatRefusal,
  putExport,
  withFormat,
} from './exports.ts';

const INT4 = { format: 'onnx', precision: 'int4' } as const;

describe('exports', () => {
  it('replace the one of the same key where it stands', () => {
    const stored: ExportEntry = { choice: { format: 'onnx', precision: 'stored' }, state: 'running' };
    const int4: ExportEntry = { choice: INT4, state: 'running' };
    const error = { code: 'export_failed', message: '', place: {} } as const;
    const both = putExport(putExport([], stored), int4);
    expect(both).toEqual([int4, stored]);
    expect(putExport(both, { ...stored, state: 'failed', error })).toMatchObject([int4, { state: 'failed' }]);
  });

  it('keep the precision with another format where it has it', () => {
    expect(withFormat(INT4, 'transformers.js')).toEqual({ format: 'transformers.js', precision: 'int4' });
    expect(withFormat(INT4, 'safetensors')).toEqual({ format: 'safetensors', precision: 'stored' });
  });

  it('are compared with their model on the same windows only', () => {
    const report = { ...exportReport({ id: 's', options: INT4 }), perplexity: 88 };
    const entry = { choice: INT4, state: 'done', report, protocol: PROTOCOL } as const;
    expect(changeAgainst(entry, perplexityReport('s', 80))).toBeCloseTo(0.1);
    expect(changeAgainst({ ...entry, protocol: { ...PROTOCOL, seqlen: 128 } }, perplexityReport('s', 80))).toBeNull();
  });

  it('say what each format is for, and why a sliced model cannot be GGUF', () => {
    for (const format of EXPORT_FORMATS) expect(formatPurpose(format, 'sliced')).toMatch(/\.$/);
    expect(formatRefusal('gguf', 'sliced')).toMatch(/shortcuts/);
    expect(EXPORT_FORMATS.filter((format) => formatRefusal(format, 'dense'))).toEqual(['peft']);
  });

  it('offer an adapter of runs that have one, and say why of others', () => {
    const training = { adapter: { rank: 4, alpha: 8, linears: 2, parameters: 64 } } as TrainingReport;
    const whole = { no_adapter: 'Norms were trained whole.' } as TrainingReport;
    expect(formatRefusal('peft', 'compressed', [{}, { training }])).toBeNull();
    expect(formatRefusal('peft', 'compressed', [{ training }, {}])).toMatch(/last step/);
    expect(formatRefusal('peft', 'compressed', [{ training: whole }])).toBe('Norms were trained whole.');
    expect(exportName(INT4)).toBe('ONNX, int4');
  });
});
