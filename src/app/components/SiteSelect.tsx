import { memo } from 'react';
import type { SiteReport } from '../../engine/protocol.ts';
import { useStudio } from '../studio.ts';

interface Props {
  sites: readonly Pick<SiteReport, 'site' | 'label'>[];
  value: number | undefined;
  /** Where no label stands beside it. */
  label?: string;
  id?: string;
}

/** Which site is shown and changed. Two for each layer, so that it is not drawn anew for what has nothing to do with it. */
export const SiteSelect = memo(function SiteSelect({ sites, value, label, id }: Props) {
  const { store } = useStudio();
  return (
    <select
      id={id}
      aria-label={label}
      value={value}
      onChange={(event) => store.setState({ site: Number(event.target.value) })}
    >
      {sites.map((option) => (
        <option key={option.site} value={option.site}>
          {option.label}
        </option>
      ))}
    </select>
  );
});
