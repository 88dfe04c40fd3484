import { useEffect, useState } from 'react';
import { watchOutsideRequests } from '../../platform/requests.ts';
import { useStudio } from '../studio.ts';

/** Counts what left for another origin: it stays at 0 unless the person asks for a download. */
export function RequestCounter() {
  const [outside, setOutside] = useState<readonly string[]>([]);
  const { engine } = useStudio();
  useEffect(() => {
    const add = (urls: string[]) => setOutside((known) => [...known, ...urls]);
    const stops = [watchOutsideRequests(add), engine.onOutsideRequests(add)];
    return () => {
      for (const stop of stops) stop();
    };
  }, [engine]);
  const title =
    outside.length === 0
      ? 'Requests to other origins that the browser recorded for this page and its Workers. Your files are read in place and never sent.'
      : `Requests to other origins: ${outside.join(', ')}`;
  return (
    <span className="badge" title={title} data-alarm={outside.length > 0 ? '' : undefined}>
      requests <strong>{outside.length}</strong>
      <span className="visually-hidden">. {title}</span>
    </span>
  );
}
