/**
 * @file Depth pruning: whole layers go, those that turn the residual stream least (ShortGPT, arXiv 2403.03853), and a linear
 * map may stand for them (ReplaceMe, arXiv 2505.02819). A plain shallower model remains.
 */
import * as v from 'valibot';
import type { DecoderModel } from '../../models/decoder_model.ts';
import { withArena } from '../../runtime/arena.ts';
import { withLinear } from '../layerwise/half.ts';
import type { CompressedModel, Method, PassContext } from '../method.ts';
import { choice, number } from '../options/fields.ts';
import { replacement } from './fit.ts';
import { influences } from './influence.ts';
import { withoutLayers } from './layers.ts';
import { depthMemory } from './memory.ts';
import { depthRefusal, plannedDepth } from './plan.ts';

export interface Options {
  readonly drop: number;
  readonly replace: 'none' | 'linear';
}

export const depth: Method<Options> = {
  name: 'depth',
  about: {
    label: 'Depth',
    paper: 'arXiv 2403.03853',
    group: 'prune',
    help: 'Removes whole layers, those that change the residual stream least on the text. A plain shallower model: fewer bytes, fewer multiplications and a smaller cache, in every runtime. For deep models; of a shallow one each layer matters.',
  },
  options: v.strictObject({
    drop: number(
      { label: 'Drop', help: 'Layers that go; one at least stays.', unit: 'layers' },
      { min: 1, max: 1000, value: 1, whole: true },
    ),
    replace: choice(
      {
        label: 'Replace',
        help: 'linear: consecutive layers behind the first go, and a linear map of what the MLP before them puts out stands for them, fitted by least squares and folded into its down projection, so that it costs nothing (ReplaceMe, arXiv 2505.02819). none: the layers of least influence go, wherever they are (ShortGPT).',
      },
      ['linear', 'none'],
      'linear',
    ),
  }),
  dropsLayers: true,
  // Which layers go, and so which of them have windows or another stored type, only the text tells.
  spreads: () => true,
  refusal: depthRefusal,
  plan: plannedDepth,
  memory: depthMemory,
  run: dropLayers,
};

async function dropLayers(model: DecoderModel, options: Options, context: PassContext): Promise<CompressedModel> {
  return withArena(context.backend, async (arena) => {
    const { drop, replace } = options;
    if (replace === 'none') {
      const found = await influences(arena, model, 1, context);
      const gone = [...found.keys()].sort((a, b) => found[a] - found[b] || a - b).slice(0, drop);
      return { model: withoutLayers(model, gone), sites: [], units: goneUnits(gone, (layer) => found[layer]) };
    }
    const found = await influences(arena, model, drop, part(context, 0, 0.5));
    // The first layer has no MLP before it that could take the map.
    const start = found.reduce((best, value, i) => (i > 0 && (best === 0 || value < found[best]) ? i : best), 0);
    const down_proj = await replacement(arena, model, start, drop, part(context, 0.5, 1));
    const layers = model.layers.map((layer) =>
      layer.index === start - 1 ? withLinear(layer, 'down_proj', down_proj) : layer,
    );
    const gone = Array.from({ length: drop }, (_, i) => start + i);
    return {
      model: withoutLayers({ ...model, layers }, gone),
      sites: [],
      units: goneUnits(gone, () => found[start]),
    };
  });
}

function goneUnits(gone: readonly number[], error: (layer: number) => number): CompressedModel['units'] {
  return [...gone]
    .sort((a, b) => a - b)
    .map((layer) => ({ unit: `model.layers.${layer}`, layer, error: error(layer), measured: 'cosine', bytes: 0 }));
}

/** The context of a part of the work. */
function part(context: PassContext, from: number, to: number): PassContext {
  const { observer } = context;
  const onProgress: typeof observer.onProgress = (progress) =>
    observer.onProgress({ ...progress, fraction: from + (to - from) * progress.fraction });
  return { ...context, observer: { ...observer, onProgress } };
}
