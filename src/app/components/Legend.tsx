export type Mark = 'dense' | 'sliced' | 'cut' | 'sequential' | 'rotate-once' | 'preview' | 'dense-point' | 'training';

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
    case 'sliced':
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
    case 'dense-point':
      return <rect x="4" y="1" width="8" height="8" fill="var(--dense)" />;
    case 'sequential':
      return <circle cx="8" cy="5" r="4" fill="var(--sliced)" />;
    case 'rotate-once':
      return <path d="M8 0L13 5L8 10L3 5Z" fill="var(--sliced)" />;
    case 'preview':
      return <path d="M8 1L12 5L8 9L4 5Z" fill="var(--surface)" stroke="var(--sliced)" strokeWidth="1.5" />;
  }
}
