interface Props {
  kind: 'dense' | 'sliced';
  /** Shares of the common scale, in order. */
  parts: readonly { label: string; share: number }[];
  /** Share that is gone, drawn hatched. */
  cut?: number;
  /** Where the original ends, if any bar is longer. */
  limit?: number;
}

/** One bar of stacked parts, for eyes only: what stands beside it says the same in figures. */
export function SizeBar({ kind, parts, cut = 0, limit }: Props) {
  return (
    <div className="size-bar" data-kind={kind} aria-hidden="true">
      {parts.map(({ label, share }, index) =>
        share > 0 ? (
          <span key={label} data-step={index} style={{ flexBasis: `${share * 100}%` }} title={label} />
        ) : null,
      )}
      {cut > 0 && <span className="size-cut" style={{ flexBasis: `${cut * 100}%` }} title="cut away" />}
      {limit !== undefined && <i className="size-limit" style={{ left: `${limit * 100}%` }} />}
    </div>
  );
}
