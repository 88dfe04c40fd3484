interface Props {
  kind: 'dense' | 'sliced';
  label: string;
  /** Shares of the common scale, in order. */
  parts: readonly { label: string; share: number }[];
  /** Share that is gone, drawn hatched. */
  cut: number;
  /** Where the original ends, if this bar is longer. */
  limit?: number;
}

/** One bar of stacked parts. The table below it says the same in figures. */
export function SizeBar({ kind, label, parts, cut, limit }: Props) {
  return (
    <div className="size-row">
      <span className="size-label">{label}</span>
      <div className="size-bar" data-kind={kind} aria-hidden="true">
        {parts.map(({ label: name, share }, index) =>
          share > 0 ? (
            <span key={name} data-step={index} style={{ flexBasis: `${share * 100}%` }} title={name} />
          ) : null,
        )}
        {cut > 0 && <span className="size-cut" style={{ flexBasis: `${cut * 100}%` }} title="cut away" />}
        {limit !== undefined && <i className="size-limit" style={{ left: `${limit * 100}%` }} />}
      </div>
    </div>
  );
}
