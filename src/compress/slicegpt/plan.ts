/**
 * @file The choices of a slicing that follow from numbers alone: kept dimension, dimensions of all sites, head. Pure, so
 * that the studio can redraw them at every move of the slider; `parts.ts` counts what they cost.
 */
import { WhittleError } from '../../errors/errors.ts';
import type { ModelShape } from './parts.ts';
import { type SiteDimensions, siteCount } from './sites.ts';

export type Schedule = 'sequential' | 'rotate-once';
export type Fusion = 'exact' | 'official';
export type HeadKind = 'untied' | 'sliced' | 'tied' | 'tied-sliced';

export const HEAD_KINDS: readonly HeadKind[] = ['untied', 'sliced', 'tied', 'tied-sliced'];

/** Kept dimension: `int((1 − s)·D)` rounded down to a multiple of `round`. Throws `bad_option`. */
export function sliceDimension(hiddenSize: number, sparsity: number, round: number): number {
  if (!(sparsity >= 0 && sparsity < 1)) {
    throw new WhittleError({
      code: 'bad_option',
      message: `Sparsity is ${sparsity}.`,
      place: { field: 'sparsity' },
      allowed: 'a share from 0 (keep everything) up to, but not including, 1',
      action: 'For 25 % write 0.25.',
    });
  }
  if (!Number.isInteger(round) || round < 1) {
    throw new WhittleError({
      code: 'bad_option',
      message: `The rounding interval is ${round}.`,
      place: { field: 'round' },
      allowed: 'a whole number, at least 1',
    });
  }
  // The small constant keeps (1 − 0.3)·10 = 6.999… from losing a dimension to binary fractions.
  const kept = Math.floor((1 - sparsity) * hiddenSize + 1e-9);
  const dimension = kept - (kept % round);
  if (dimension < 1) {
    throw new WhittleError({
      code: 'bad_option',
      message: `Sparsity ${sparsity} would keep ${kept} of ${hiddenSize} dimensions, which rounds down to none at a multiple of ${round}.`,
      place: { field: 'sparsity' },
      allowed: `a sparsity that keeps at least ${round} dimensions`,
      action: 'Lower the sparsity or the rounding interval.',
    });
  }
  return dimension;
}

type Sites = Pick<ModelShape, 'hidden_size' | 'num_hidden_layers' | 'parallel'>;

/** The same dimension at every site; the last stays whole unless the head is sliced (slicegpt.md §4, step 4). */
export function constantDimensions(shape: Sites, dimension: number, head: HeadKind): number[] {
  const sites = new Array<number>(siteCount(shape)).fill(dimension);
  if (head !== 'sliced') sites[sites.length - 1] = shape.hidden_size;
  return sites;
}

/** Throws `bad_option` for a list of the wrong length, a dimension out of range, or a last site that the head forbids. */
export function checkDimensions(shape: Sites, dimensions: SiteDimensions, head: HeadKind): void {
  const D = shape.hidden_size;
  const bad = (message: string, allowed: string) =>
    new WhittleError({ code: 'bad_option', message, place: { field: 'dimensions' }, allowed });
  const count = siteCount(shape);
  if (dimensions.length !== count) {
    throw bad(`${dimensions.length} dimensions were given.`, `${count}, one for every site of the residual stream`);
  }
  const wrong = dimensions.findIndex((d) => !Number.isInteger(d) || d < 1 || d > D);
  if (wrong >= 0) throw bad(`The dimension of site ${wrong} is ${dimensions[wrong]}.`, `whole numbers from 1 to ${D}`);
  if (head !== 'sliced' && dimensions[count - 1] !== D) {
    throw bad(`The last dimension is ${dimensions[count - 1]} with head "${head}".`, `${D}, or head "sliced"`);
  }
}

type HeadShape = Pick<ModelShape, 'tied' | 'embedding_norm' | 'layer_norm'>;

/** Why a model does not allow a head; `undefined` where it does. */
export function headRefusal(shape: HeadShape, head: HeadKind): string | undefined {
  if (head === 'untied' || head === 'sliced') return undefined;
  if (!shape.tied) return "this model's head is a matrix of its own";
  if (head === 'tied-sliced' && shape.embedding_norm > 0) {
    return 'this model norms its embedding, so one sliced table cannot serve both ends';
  }
  if (head === 'tied-sliced' && shape.layer_norm) {
    return 'LayerNorm drops the mean of each embedding, which the head still needs, so one sliced table cannot serve both ends';
  }
  return undefined;
}

/** `auto` ties where the model ties, else unties. Throws `bad_option` for a head that the model does not allow. */
export function resolveHead(head: HeadKind | 'auto', shape: HeadShape): HeadKind {
  if (head === 'auto') return shape.tied ? 'tied' : 'untied';
  const reason = headRefusal(shape, head);
  if (reason === undefined) return head;
  throw new WhittleError({
    code: 'bad_option',
    message: `Head "${head}" was asked for, but ${reason}.`,
    place: { field: 'head' },
    allowed: HEAD_KINDS.filter((kind) => !headRefusal(shape, kind)).join(', '),
  });
}

/**
 * What is wrong where a calibration has fewer tokens than directions are kept: its covariance has no more directions than
 * tokens, and any others will do for the rest. Undefined where it has enough.
 */
export function missingTokens(
  { seqlen, samples }: { seqlen: number; samples: number },
  dimension: number,
): string | undefined {
  const tokens = seqlen * samples;
  if (tokens >= dimension) return undefined;
  return `The calibration has ${tokens} tokens and ${dimension} directions are to be kept: the text has no say in ${dimension - tokens} of them.`;
}
