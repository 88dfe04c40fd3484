/**
 * @file Perplexities and parameter counts against `shared/reference/*.json`, an independent f64 implementation (`exact`)
 * and the official SliceGPT code (`official`): within 0.5 %, counts exact.
 *
 * WHITTLE_FULL=1 checks every listed entry on every backend; by default the slower backend and the larger model check
 * a selection that still covers every schedule, head and fusion.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Backend } from '../../src/backend/backend.ts';
import { backendsUnderTest, isFull, type TestedKind } from '../../src/backend/testing.ts';
import type { Fusion, HeadKind, Schedule } from '../../src/compress/slicegpt/plan.ts';
import { calibrateDense, type DenseBases } from '../../src/compress/slicegpt/rotate_once.ts';
import { countParameters } from '../../src/models/model_size.ts';
import { describeWithShared, readSharedJson, readSharedText, sharedModelFiles } from '../shared.ts';
import { compress, compressionContext, perplexity, relativeDifference, type TestJob, testJob } from './slice_job.ts';

export interface Entry {
  sparsity: number;
  dimension: number;
  perplexity: number;
  parameters: number;
  discarded_energy?: number[];
}

interface Reference {
  protocol: { seqlen: number; samples: number; eval_samples: number; calibration: string; evaluation: string };
  dense: { perplexity: number; parameters_tied: number };
  /** Absent where the official code is exact already: LayerNorm models. */
  exact?: Record<
    'sequential' | 'rotate_once' | 'sequential_slice_head' | 'sequential_tied_head' | 'sequential_tied_sliced_head',
    Entry[]
  >;
  official: { sequential: Entry[] };
}

const TOLERANCE = 5e-3;
const backends = await backendsUnderTest();

export interface Group {
  name: string;
  schedule: Schedule;
  head: HeadKind;
  fusion: Fusion;
  entries(reference: Reference): Entry[];
}

const GROUPS: Group[] = [
  {
    name: 'sequential',
    schedule: 'sequential',
    head: 'untied',
    fusion: 'exact',
    entries: (r) => r.exact?.sequential ?? [],
  },
  {
    name: 'tied head',
    schedule: 'sequential',
    head: 'tied',
    fusion: 'exact',
    entries: (r) => r.exact?.sequential_tied_head ?? [],
  },
  {
    name: 'sliced head',
    schedule: 'sequential',
    head: 'sliced',
    fusion: 'exact',
    entries: (r) => r.exact?.sequential_slice_head ?? [],
  },
  {
    name: 'tied and sliced head',
    schedule: 'sequential',
    head: 'tied-sliced',
    fusion: 'exact',
    entries: (r) => r.exact?.sequential_tied_sliced_head ?? [],
  },
  {
    name: 'rotate-once',
    schedule: 'rotate-once',
    head: 'untied',
    fusion: 'exact',
    entries: (r) => r.exact?.rotate_once ?? [],
  },
  {
    name: 'official fusion',
    schedule: 'sequential',
    head: 'untied',
    fusion: 'official',
    entries: (r) => r.official.sequential,
  },
];

/** Which entries are run by default; the rest need WHITTLE_FULL=1. */
type Selection = (group: Group, entry: Entry) => boolean;

/** Defines the tests of one model on one backend; nothing where the backend is missing. */
export function referenceSuite(model: string, wanted: TestedKind, isSelected: Selection): void {
  describeWithShared(`reference/${model}.json`, () => {
    const reference = readSharedJson('reference', `${model}.json`) as Reference;
    for (const { kind, create } of backends.filter((each) => each.kind === wanted)) {
      describe(`on ${kind}`, () => {
        let backend: Backend;
        let job: TestJob;
        let bases: Promise<DenseBases> | undefined;
        beforeAll(async () => {
          backend = await create();
          const texts = {
            calibration: readSharedText(...reference.protocol.calibration.split('/')),
            evaluation: readSharedText(...reference.protocol.evaluation.split('/')),
          };
          job = await testJob(await sharedModelFiles(model), texts, reference.protocol);
        });
        afterAll(() => backend.dispose());

        it('dense', { timeout: 300_000 }, async () => {
          const found = await perplexity(backend, job.model, job.evaluation);
          expect(relativeDifference(found, reference.dense.perplexity)).toBeLessThan(1e-4);
          expect(countParameters(job.model)).toBe(reference.dense.parameters_tied);
        });

        for (const group of GROUPS) {
          for (const entry of group.entries(reference)) {
            if (!isFull && !isSelected(group, entry)) continue;
            it(`${group.name} at sparsity ${entry.sparsity}`, { timeout: 300_000 }, async () => {
              const { schedule, head, fusion } = group;
              // One calibration serves every sparsity of rotate-once: that is its point.
              if (schedule === 'rotate-once') bases ??= calibrateDense(job.model, compressionContext(backend, job));
              const options = { sparsity: entry.sparsity, round: 8, schedule, head, fusion, denseBases: await bases };
              const compressed = await compress(backend, job, options);
              expect(countParameters(compressed.model)).toBe(entry.parameters);
              expect(compressed.sites[0].dimension).toBe(entry.dimension);
              const found = await perplexity(backend, compressed.model, job.evaluation);
              expect(relativeDifference(found, entry.perplexity), `${found} against ${entry.perplexity}`).toBeLessThan(
                TOLERANCE,
              );
              for (const { certificate } of compressed.sites) {
                expect(certificate.orthogonality_error).toBeLessThan(1e-5);
                expect(certificate.residual).toBeLessThan(1e-5);
              }
              // The reference lists the last site as if it were cut too; here it is cut only with a sliced head.
              entry.discarded_energy?.slice(0, -1).forEach((energy, site) => {
                expect(compressed.sites[site].discarded_energy).toBeCloseTo(energy, 4);
              });
            });
          }
        }
      });
    }
  });
}
