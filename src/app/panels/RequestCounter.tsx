import { useEffect, useState } from 'react';
import { watchOutsideRequests } from '../../platform/requests.ts';
import { useStudio } from '../studio.ts';

interface Counted {
  /** Hosts of downloads that the person asked for, with the number of requests to each. */
  asked: Readonly<Record<string, number>>;
  /** Every other address at another origin: there should be none, ever. */
  others: readonly string[];
}

const NONE: Counted = { asked: {}, others: [] };
const RESTING =
  'Requests to other origins that the browser recorded for this page and its Workers. Your files are read in place and never sent.';

/** Counts what left for another origin. Downloads that the person asked for are counted, and named as that. */
export function RequestCounter() {
  const [counted, setCounted] = useState(NONE);
  const { engine } = useStudio();
  useEffect(() => {
    const add = (urls: string[], asked_for = false) =>
      setCounted(({ asked, others }) =>
        asked_for ? { asked: withHosts(asked, urls), others } : { asked, others: [...others, ...urls] },
      );
    const stops = [watchOutsideRequests(add), engine.onOutsideRequests(add)];
    return () => {
      for (const stop of stops) stop();
    };
  }, [engine]);
  const { asked, others } = counted;
  const askedCount = Object.values(asked).reduce((sum, count) => sum + count, 0);
  const title = titleOf(counted, askedCount);
  return (
    <span className="badge" title={title} data-alarm={others.length > 0 ? '' : undefined}>
      requests <strong>{others.length + askedCount}</strong>
      {askedCount > 0 && (others.length > 0 ? `, ${askedCount} you asked for` : ' you asked for')}
      <span className="visually-hidden">. {title}</span>
    </span>
  );
}

function withHosts(asked: Counted['asked'], urls: readonly string[]): Counted['asked'] {
  const hosts = { ...asked };
  for (const url of urls) {
    const { host } = new URL(url);
    hosts[host] = (hosts[host] ?? 0) + 1;
  }
  return hosts;
}

function titleOf({ asked, others }: Counted, askedCount: number): string {
  if (askedCount === 0 && others.length === 0) return RESTING;
  const hosts = Object.entries(asked).map(([host, count]) => `${host} (${count})`);
  return [
    askedCount > 0 &&
      `For downloads that you asked for: ${hosts.join(', ')}. They carried a model's name and nothing of yours.`,
    others.length > 0 && `Requests to other origins that nobody asked for: ${others.join(', ')}`,
  ]
    .filter(Boolean)
    .join(' ');
}
