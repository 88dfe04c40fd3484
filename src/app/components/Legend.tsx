export type Mark = 'dense' | 'made' | 'cut' | 'training';

/** Keys that tell series apart by shape and pattern as well as colour. */
export function Legend({ marks }: { marks: readonly { mark: Mark; label: string }[] }) {
  return (
    <ul className="legend">
      {marks.map(({ mark, label }) => (
        <li key={mark}>
          <svg viewBox="0 0 16 10" width="16" height="10" aria-hidden="true">
            <MarkShape mark={mark} />
          </svg>
          {label}
        </li>
      ))}
    </ul>
  );
}

function MarkShape({ mark }: { mark: Mark }) {
  switch (mark) {
    case 'dense':
      return <path d="M0 5H16" stroke="var(--dense)" strokeWidth="2" />;
    case 'made':
      return <path d="M0 5H16" stroke="var(--sliced)" strokeWidth="2.5" />;
    case 'training':
      return <path d="M0 5H16" stroke="var(--sliced)" strokeWidth="1.5" strokeDasharray="3 3" />;
    case 'cut':
      return (
        <>
          <rect x="1" y="0.5" width="14" height="9" fill="none" stroke="var(--cut)" />
          <path d="M2 9L10 1M7 9L14 2M12.5 9L15 6.5M1 5L5 1" stroke="var(--cut)" strokeWidth="1.2" />
        </>
      );
  }
}
