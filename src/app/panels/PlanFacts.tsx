import { useMemo } from 'react';
import { Facts } from '../components/Facts.tsx';
import { formatBytes, formatChange, formatCount, formatPercent } from '../format.ts';
import { energies } from '../store/plan.ts';
import { usePlan } from '../store/selectors.ts';
import { useStudioState } from '../studio.ts';

/** What the slider would give, from shapes and spectra alone. */
export function PlanFacts() {
  const model = useStudioState((state) => state.results.model);
  const sites = useStudioState((state) => state.results.spectra?.sites);
  const { plan } = usePlan();
  const dimension = plan?.dimension;
  const discarded = useMemo(() => {
    if (!sites || sites.length === 0 || dimension === undefined) return null;
    const shares = energies(sites, dimension).map((energy) => energy.discarded);
    return { mean: shares.reduce((sum, share) => sum + share, 0) / shares.length, most: Math.max(...shares) };
  }, [sites, dimension]);
  if (!model) return <p className="muted">Open a model: the slider then shows what every cut would cost.</p>;
  if (!plan) return null;
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
          name: 'Size',
          value: (
            <>
              {formatBytes(plan.bytes)} <Change share={plan.bytes / model.bytes - 1} />
            </>
          ),
        },
        {
          name: 'Discarded energy',
          value: discarded
            ? `${formatPercent(discarded.mean)}, at most ${formatPercent(discarded.most)}`
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
