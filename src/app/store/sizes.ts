/** @file Sizes of what the person will hold: the weights in the precision that is chosen for the export. */
import { isBlockQuantized, plannedBytes, plannedTotal, storedBits } from '../../engine/plan.ts';
import type { ModelSummary, PartSizes, Precision } from '../../engine/protocol.ts';
import { formatBytes, formatChange, formatPercent } from '../format.ts';
import { PRECISION_LABELS } from './exports.ts';
import type { Plan } from './plan.ts';
import { isRebased, type RebasedRun, type Run } from './results.ts';
import type { Settings } from './settings.ts';

export function chosenPrecision({ export: { sliced } }: Pick<Settings, 'export'>): Precision {
  return sliced.precision;
}

/** Bytes of each part of a sliced model. */
export function slicedBytes(
  { shape }: ModelSummary,
  { parts, dimension, head }: Sized,
  precision: Precision,
): PartSizes {
  return plannedBytes(shape, parts, dimension, precision, head);
}

export function slicedTotal({ shape }: ModelSummary, { parts, dimension, head }: Sized, precision: Precision): number {
  return plannedTotal(shape, parts, dimension, precision, head);
}

/** Bytes of a run's weights in a file of this precision: what a recipe packed stays as it is packed. */
export function fileSize(model: ModelSummary, run: Run, precision: Precision): number {
  return isRebased(run) ? slicedTotal(model, sizedOf(run), precision) : run.report.file_bytes[precision];
}

type Sized = Pick<Plan, 'parts' | 'dimension' | 'head'>;

export function sizedOf({ report: { parts, bases } }: RebasedRun): Sized {
  return { parts, dimension: bases.dimension, head: bases.head };
}

/** Bytes of each part of the original file. */
export function originalBytes({ shape, bytes, parameters }: ModelSummary): PartSizes {
  if (shape.dense_bytes) return shape.dense_bytes;
  const each = bytes / parameters;
  return Object.fromEntries(
    Object.entries(shape.dense).map(([part, elements]) => [part, elements * each]),
  ) as unknown as PartSizes;
}

/** The dense model in the chosen precision, where that is not how it is stored. */
export function denseTotal(model: ModelSummary, precision: Precision): number | null {
  if (precision === 'stored' && !isBlockQuantized(model)) return null;
  return plannedTotal(model.shape, model.shape.dense, model.shape.hidden_size, precision, 'dense');
}

/** "Size", or "Size, int4" where the file will hold other numbers than the model. */
export function sizeName(model: ModelSummary, precision: Precision): string {
  const name = precisionName(model, precision);
  return name === null ? 'Size' : `Size, ${name}`;
}

/** What the file's numbers are called; null where they are the model's own. */
export function precisionName(model: ModelSummary, precision: Precision): string | null {
  if (precision !== 'stored') return PRECISION_LABELS[precision];
  return isBlockQuantized(model) ? 'f16' : null;
}

/** What the size means, in sentences; growth is called growth. */
export function explainBytes(model: ModelSummary, bytes: number, precision: Precision): string[] {
  const change = bytes / model.bytes - 1;
  const name = precisionName(model, precision);
  const as = name === null ? '' : ` as ${name}`;
  const verdict =
    change > 0
      ? `The sliced file${as} is ${formatPercent(change)} larger than the original.`
      : `The sliced file${as} is ${formatPercent(-change)} smaller than the original.`;
  const dense = denseTotal(model, precision);
  const bits = storedBits(model).toFixed(1);
  const reference =
    dense === null
      ? []
      : [
          `${isBlockQuantized(model) ? `The original takes ${bits} bits a weight. ` : ''}Unsliced${as} it would be ${formatBytes(dense)}: slicing alone changes that by ${formatChange(bytes / dense - 1)}.`,
        ];
  return [verdict, ...reference];
}
