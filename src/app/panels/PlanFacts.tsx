import { useMemo } from 'react';
import { Facts } from '../components/Facts.tsx';
import { formatBytes, formatChange, formatCount, formatPercent } from '../format.ts';
import { energies, energySummary } from '../store/plan.ts';
import { useIsShort, usePlan } from '../store/selectors.ts';
import { chosenPrecision, sizeName, slicedTotal } from '../store/sizes.ts';
import { useStudioState } from '../studio.ts';

/** What the slider would give, from shapes and spectra alone. */
export function PlanFacts() {
  const model = useStudioState((state) => state.results.model);
  const sites = useStudioState((state) => state.results.spectra?.sites);
  const isShort = useIsShort();
  const precision = useStudioState((state) => chosenPrecision(state.settings));
  const { plan } = usePlan();
  const discarded = useMemo(() => (sites && plan ? energySummary(energies(sites, plan)) : null), [sites, plan]);
  if (!model) return <p className="muted">Open a model: the slider then shows what every cut would cost.</p>;
  if (!plan) return null;
  const bytes = slicedTotal(model, plan, precision);
  return (
    <Facts
      facts={[
        { name: 'Dimension', value: `${plan.dimension} of ${model.shape.hidden_size}` },
        {
          name: 'Parameters',
          value: (
            <>
              {formatCount(plan.parameters)} <Change share={plan.parameters / model.parameters - 1} />
            </>
          ),
        },
        {
          name: sizeName(model, precision),
          value: (
            <>
              {formatBytes(bytes)} <Change share={bytes / model.bytes - 1} />
            </>
          ),
        },
        {
          name: 'Discarded energy',
          title: 'Mean over the sites that are cut, and the most at any, from the spectra of the dense model',
          value: isShort
            ? 'unknown, too few tokens'
            : discarded
              ? `${formatPercent(discarded.mean)}, max ${formatPercent(discarded.most)}`
              : 'after calibration',
        },
      ]}
    />
  );
}

/** Growth is said as growth. */
function Change({ share }: { share: number }) {
  return <span className={share > 0 ? 'change growth' : 'change'}>{formatChange(share)}</span>;
}
