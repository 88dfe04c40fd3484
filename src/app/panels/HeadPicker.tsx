import { memo, useDeferredValue, useId } from 'react';
import type { HeadKind, SlicegptOptions } from '../../engine/protocol.ts';
import { formatCount } from '../format.ts';
import { headPlans } from '../store/plan.ts';
import { usePlanOf } from '../store/selectors.ts';
import { changeSettings } from '../store/store.ts';
import { useStudio, useStudioState } from '../studio.ts';

const ORDER: readonly HeadKind[] = ['tied', 'untied', 'sliced', 'tied-sliced'];

const MEANING: Record<HeadKind, string> = {
  tied: 'One table for both ends, exact: the perplexity of untied.',
  untied: 'Embedding and head as two matrices: the official behaviour. Small tied models grow.',
  sliced: 'Two matrices, and the last dimension is sliced too.',
  'tied-sliced':
    'One narrow table for both ends. What it costs in perplexity depends on the model, from under a point to ruin: measure before you export.',
};

/** Heads with what each costs in parameters at the slider's place. */
export const HeadPicker = memo(function HeadPicker() {
  const { store } = useStudio();
  const name = useId();
  const chosen = useStudioState((state) => state.settings.head);
  const model = useStudioState((state) => state.results.model);
  const { plan } = usePlanOf(useDeferredValue(useStudioState((state) => state.settings)));
  const plans = new Map(model && plan ? headPlans(model.shape, plan.dimension).map((one) => [one.head, one]) : []);
  const auto: HeadKind | null = model ? (model.shape.tied ? 'tied' : 'untied') : null;
  const isUntied = model !== null && !model.shape.tied;
  const described = chosen === 'auto' ? auto : chosen;
  return (
    <fieldset className="head-picker">
      <legend>Embedding and output table (head)</legend>
      {(['auto', ...ORDER] as const).map((head) => {
        const one = plans.get(head === 'auto' ? (auto as HeadKind) : head);
        const isImpossible = one?.refusal != null;
        const cost = one?.plan?.parameters;
        return (
          <label key={head} data-disabled={isImpossible ? '' : undefined} title={one?.refusal ?? undefined}>
            <input
              type="radio"
              name={name}
              checked={chosen === head}
              disabled={isImpossible}
              onChange={() => changeSettings(store, { head: head as SlicegptOptions['head'] })}
            />
            <span>
              {head}
              {head === 'auto' && auto && <span className="muted"> ({auto})</span>}
            </span>
            <span className="head-cost">
              {isImpossible ? (isUntied ? 'needs a tied model' : 'not with this model') : cost ? formatCount(cost) : ''}
            </span>
          </label>
        );
      })}
      <p className={described === 'tied-sliced' ? 'head-meaning warning' : 'head-meaning'}>
        {described ? MEANING[described] : 'Tied where the model ties embedding and head, else untied.'}
        {isUntied && ' This model’s head is a matrix of its own, so nothing can be shared.'}
      </p>
    </fieldset>
  );
});
