import { describe, expect, it } from 'vitest';
import type {
  BackendInfo,
  BasesReport,
  ExportReport,
  MatmulChoice,
  ModelSummary,
  PerplexityReport,
  RunReport,
} from './protocol.ts';
import { buildReport, type RunInput } from './report.ts';
import { NO_PARTS, PROTOCOL, SMALL_LLAMA } from './testing.ts';

const protocol = { ...PROTOCOL, seqlen: 8, samples: 1, eval_samples: 1 };
const summary: ModelSummary = {
  ...{ ...SMALL_LLAMA, parameters: 10, bytes: 20, multiplications_per_token: 10 },
  ...{ num_attention_heads: 1, num_key_value_heads: 1, max_position_embeddings: 8 },
  shape: {
    ...{ ...SMALL_LLAMA.shape, hidden_size: 4, intermediate_size: 8, num_hidden_layers: 1 },
    ...{ query_size: 4, key_value_size: 4, vocab_size: 5, dense: NO_PARTS },
  },
};
const backend: BackendInfo = {
  kind: 'cpu',
  vendor: '',
  architecture: '',
  description: 'f64',
  isFallbackAdapter: false,
  maxTensorBytes: 1,
};
const evaluation: PerplexityReport = {
  target: 's1',
  perplexity: 3,
  relative_spread: 0.1,
  tokens_per_second: 1,
  tokens: 7,
  window_losses: [1.1],
  protocol,
};
const bases: BasesReport = {
  options: { sparsity: 0.25, round: 1, schedule: 'sequential', fusion: 'exact', head: 'auto' },
  head: 'tied',
  dimension: 3,
  sites: [],
  discarded_energy: [0.1],
  certificate: {
    max_orthogonality_error: 0,
    max_residual: 0,
    max_orthogonality_ulp: 0.01,
    max_residual_ulp: 0.01,
    max_kept_energy_loss: 1e-9,
    measured_losses: 1,
    sites: 1,
    deflated_sites: 0,
    min_rank: 16,
    overfull_sites: 0,
    verdict: 'as good as f64',
  },
};
const run: RunReport = {
  ...{ id: 's1', recipe: 'slicegpt:sparsity=0.25', steps: [], duration_ms: 1 },
  ...{ parameters: 8, bytes: 16, stored_bytes: 16, bits_per_weight: 4, multiplications_per_token: 8 },
  file_bytes: { stored: 16, f32: 32, f16: 16, int8: 8, int4: 4 },
  ...{ parts: NO_PARTS, bases },
};
const exported: ExportReport = {
  id: 's1',
  options: { format: 'onnx', precision: 'stored', external_data: 'auto' },
  folder: 'f',
  files: [
    { name: 'model.onnx', bytes: 1, sha256: 'aa' },
    { name: 'report.json', bytes: 1, sha256: 'bb' },
  ],
  verified: true,
  perplexity: 3.0001,
  perplexity_in_app: 3,
  max_abs_logit_difference: 1e-5,
  runtimes: [],
  notes: [],
  duration_ms: { export: 1, verification: 1 },
};
const timings_ms = {
  load: 1,
  dense_evaluation: 1,
  compression: 1,
  evaluation: 1,
  export: 1,
  verification: 1,
  total: 6,
};

function slicedReport(input: Partial<RunInput>) {
  const memory = { current_gpu_bytes: 0, peak_gpu_bytes: 0 };
  const runs = [{ run, evaluation, ...input }];
  const report = buildReport({ summary, protocol, backend, dense: evaluation, runs, timings_ms, memory });
  return JSON.parse(JSON.stringify(report)).sliced[0];
}

describe('the backend part of report.json', () => {
  const backendOf = (matmul_variant?: MatmulChoice) => {
    const memory = { current_gpu_bytes: 0, peak_gpu_bytes: 0 };
    const capabilities = matmul_variant && { features: [], limits: {}, matmul_variant };
    const given = { ...backend, capabilities };
    return buildReport({ summary, protocol, backend: given, dense: evaluation, runs: [], timings_ms, memory }).backend;
  };

  it('has the kernel of matrix products where it is known', () => {
    const choice = { name: 'tiled 16×8', chosen_by: 'measurement', times_default: 1.7 } as const;
    expect(backendOf(choice).matmul_variant).toEqual(choice);
    expect('matmul_variant' in backendOf()).toBe(false);
  });
});

describe('the memory part of report.json', () => {
  const memoryOf = (heap: { peak_heap_bytes?: number }) => {
    const memory = { current_gpu_bytes: 1, peak_gpu_bytes: 5, ...heap };
    return buildReport({ summary, protocol, backend, dense: evaluation, runs: [], timings_ms, memory }).memory;
  };

  it('has what was counted, what was told by the browser, and what had been estimated', () => {
    const { peak_gpu_bytes, peak_heap_bytes, estimated_gpu_bytes, estimated_breakdown } = memoryOf({
      peak_heap_bytes: 7,
    });
    expect([peak_gpu_bytes, peak_heap_bytes]).toEqual([5, 7]);
    expect(estimated_gpu_bytes).toBeGreaterThan(0);
    expect(Object.keys(estimated_breakdown)).toContain('weights');
  });

  it('makes up no figure where the browser told none', () => {
    expect(memoryOf({})).not.toHaveProperty('peak_heap_bytes');
  });
});

describe('the sites of report.json', () => {
  it('have a certificate each, without the spectrum', () => {
    const certificate = {
      orthogonality_error: 1e-7,
      residual: 2e-7,
      orthogonality_ulp: 0.2,
      residual_ulp: 0.4,
      ulp: 2 ** -23,
      measured: 'exact',
      kept_energy: { loss: 1e-9, kind: 'measured', dimension: 3 },
      rank: 4,
      deflated: 1,
      verdict: 'as good as f64',
      solver: 'jacobi',
      sweeps: 3,
    } as const;
    const site = { site: 1, label: 'MLP input, layer 1', eigenvalues: Float64Array.of(3, 2, 1, 1), dimension: 3 };
    const { sites } = slicedReport({
      run: { ...run, bases: { ...bases, sites: [{ ...site, discarded_energy: 0.1, certificate }] } },
    });
    expect(sites).toEqual([
      {
        site: 1,
        label: 'MLP input, layer 1',
        dimension: 3,
        rank: 4,
        discarded_energy: 0.1,
        orthogonality_error: 1e-7,
        orthogonality_ulp: 0.2,
        residual: 2e-7,
        residual_ulp: 0.4,
        measured: 'exact',
        kept_energy_loss: 1e-9,
        kept_energy_loss_is: 'measured',
        deflated: 1,
        solver: 'jacobi',
        verdict: 'as good as f64',
      },
    ]);
  });
});

describe('the onnx part of report.json', () => {
  it('has the figures of a verified export, and every file but the report itself', () => {
    expect(slicedReport({ exports: [exported] }).onnx).toEqual({
      files: [{ name: 'model.onnx', bytes: 1, sha256: 'aa' }],
      verified: true,
      perplexity: 3.0001,
      max_abs_logit_difference: 1e-5,
    });
  });

  it('says why a model that was to be exported has no file', () => {
    expect(slicedReport({ exports: [{ options: exported.options, error: 'It differs.' }] }).onnx).toEqual({
      files: [],
      verified: false,
      perplexity: null,
      max_abs_logit_difference: null,
      error: 'It differs.',
    });
  });

  it('is the first ONNX export; all of them, failed ones too, stand in exports', () => {
    const safetensors = { options: { ...exported.options, format: 'safetensors' }, error: 'It is full.' } as const;
    const int4 = { ...exported, options: { ...exported.options, precision: 'int4' }, perplexity: 3.5 } as const;
    const { onnx, exports } = slicedReport({ exports: [safetensors, int4, exported] });
    expect(onnx.perplexity).toBe(3.5);
    expect(exports).toMatchObject([
      { format: 'safetensors', precision: 'stored', verified: false, perplexity: null, error: 'It is full.' },
      { format: 'onnx', precision: 'int4', verified: true, perplexity: 3.5 },
      { format: 'onnx', precision: 'stored', verified: true, perplexity: 3.0001 },
    ]);
  });

  it('is absent for a model that was not to be exported', () => {
    expect(slicedReport({})).not.toHaveProperty('onnx');
  });
});
