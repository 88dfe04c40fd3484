import { useEffect, useState } from 'react';
import { type Fact, Facts } from '../components/Facts.tsx';
import { formatBytes } from '../format.ts';
import { useStudioState } from '../studio.ts';
import { type CapabilityGroup, capabilityGroups, capabilityText, type PageCapabilities } from './capabilities.ts';

/** What this device and browser can do: adapter, limits, how its floats behave, storage; to read and to copy. */
export default function Capabilities() {
  const backend = useStudioState((state) => state.results.backend);
  const page = usePageCapabilities();
  const [isCopied, setCopied] = useState(false);
  const groups = capabilityGroups(backend, page);
  async function copy() {
    await navigator.clipboard.writeText(capabilityText(groups));
    setCopied(true);
  }
  return (
    <>
      {groups.map((group) => (
        <Group key={group.title} group={group} />
      ))}
      <p>
        <button type="button" className="link" onClick={() => void copy().catch(() => setCopied(false))}>
          {isCopied ? 'Copied' : 'Copy as text'}
        </button>
      </p>
    </>
  );
}

function Group({ group: { title, facts } }: { group: CapabilityGroup }) {
  return (
    <div className="block">
      <h3>{title}</h3>
      <Facts facts={facts as readonly Fact[]} />
    </div>
  );
}

function usePageCapabilities(): PageCapabilities {
  const [page, setPage] = useState<PageCapabilities>(() => ({
    isolated: globalThis.crossOriginIsolated === true,
    threads: navigator.hardwareConcurrency,
    browser: navigator.userAgent,
    offline: !('serviceWorker' in navigator) ? 'no' : navigator.serviceWorker.controller ? 'kept' : 'later',
    opfs: 'looking',
    persisted: null,
    quota: null,
  }));
  useEffect(() => {
    let isCurrent = true;
    void storage().then((found) => {
      if (isCurrent) setPage((known) => ({ ...known, ...found }));
    });
    return () => {
      isCurrent = false;
    };
  }, []);
  return page;
}

/** Private windows and some browsers refuse parts of it; that is a finding, not a fault. */
async function storage(): Promise<Pick<PageCapabilities, 'opfs' | 'persisted' | 'quota'>> {
  const { storage: manager } = navigator;
  const opfs = await manager?.getDirectory?.().then(
    () => 'yes' as const,
    () => 'refused' as const,
  );
  const persisted = (await manager?.persisted?.().catch(() => null)) ?? null;
  const estimate = await manager?.estimate?.().catch(() => null);
  const quota =
    estimate?.quota === undefined ? null : `${formatBytes(estimate.usage ?? 0)} of ${formatBytes(estimate.quota)}`;
  return { opfs: opfs ?? 'missing', persisted, quota };
}
