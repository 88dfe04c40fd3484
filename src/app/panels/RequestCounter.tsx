import { useEffect, useState } from 'react';
import { watchOutsideRequests } from '../requests.ts';

/** Counts what left for another origin: it stays at 0 unless the person asks for a download. */
export function RequestCounter() {
  const [outside, setOutside] = useState<readonly string[]>([]);
  useEffect(() => watchOutsideRequests((urls) => setOutside((known) => [...known, ...urls])), []);
  const title =
    outside.length === 0
      ? 'Requests to other origins that the browser recorded for this page; its Worker is not in that record, and is tested to make none. Your files are read in place and never sent.'
      : `Requests to other origins: ${outside.join(', ')}`;
  return (
    <span className="badge" title={title} data-alarm={outside.length > 0 ? '' : undefined}>
      requests <strong>{outside.length}</strong>
      <span className="visually-hidden">. {title}</span>
    </span>
  );
}
