import { useRef } from 'react';
import type { HubCache, HubCacheEntry, HubKey } from '../../engine/protocol.ts';
import { isSameModel } from '../../platform/hub/types.ts';
import { deleteDownloaded, downloadModel, openDownloaded } from '../actions/hub.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { ConfirmButton } from '../components/ConfirmButton.tsx';
import { formatBytes } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';

const OPEN_NOW = 'This model is open: open another first';

/** What was downloaded lies here until the person deletes it, and opens without a network. */
export default function HubCacheList({ cache }: { cache: HubCache }) {
  const studio = useStudio();
  const openKey = useStudioState(({ source }) => (source?.kind === 'hub' ? source.key : null));
  const summary = useRef<HTMLElement>(null);
  const { entries } = cache;
  const held = entries.reduce((sum, entry) => sum + entry.held_bytes, 0);
  const deletable = entries.filter(({ plan }) => !isOpen(plan, openKey));

  async function remove(keys: readonly HubKey[]) {
    await deleteDownloaded(studio, keys);
    // The button that had the focus is gone; Tab goes on from here.
    summary.current?.focus();
  }

  return (
    <details className="fold" data-stored>
      <summary ref={summary}>
        {entries.length === 1 ? '1 downloaded model' : `${entries.length} downloaded models`} · {formatBytes(held)}
      </summary>
      <ul className="hub-cache">
        {entries.map((entry) => (
          <CacheRow
            key={`${entry.plan.id} ${entry.plan.commit} ${entry.plan.choice}`}
            entry={entry}
            isOpen={isOpen(entry.plan, openKey)}
            onDelete={() => void remove([entry.plan])}
          />
        ))}
      </ul>
      <div className="hub-foot">
        <span className="field-note">Kept in this browser until you delete them</span>
        {entries.length > 1 && (
          <ConfirmButton
            label="Delete all"
            question={`Delete ${deletable.length}?`}
            disabled={deletable.length === 0}
            onConfirm={() => void remove(deletable.map(({ plan }) => plan))}
          />
        )}
      </div>
    </details>
  );
}

function isOpen(plan: HubKey, openKey: HubKey | null): boolean {
  return openKey !== null && isSameModel(plan, openKey);
}

function CacheRow({ entry, isOpen, onDelete }: { entry: HubCacheEntry; isOpen: boolean; onDelete: () => void }) {
  const studio = useStudio();
  const isBusy = useIsBusy();
  const allowed = useStudioState((state) => state.hub.allowed);
  const { plan, bytes, held_bytes, is_complete, used_at } = entry;
  const name = plan.id.split('/').pop();
  const size = is_complete
    ? formatBytes(bytes)
    : `${Math.floor((100 * held_bytes) / bytes)} % of ${formatBytes(bytes)}`;
  return (
    <li>
      <strong title={`${plan.id} at ${plan.commit}`}>{name}</strong>
      <span className="hub-size">{size}</span>
      <span className="field-note">
        {[
          plan.id.includes('/') ? plan.id.split('/')[0] : null,
          `${plan.revision} ${plan.commit.slice(0, 7)}`,
          plan.choice === 'safetensors' ? null : plan.choice,
          `used ${new Date(used_at).toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })}`,
        ]
          .filter(Boolean)
          .join(' · ')}
      </span>
      <div className="hub-row-buttons">
        {is_complete ? (
          <ActionButton
            className="quiet"
            aria-label={`Open ${name}`}
            hindrance={isOpen && 'This model is open'}
            onClick={() => void openDownloaded(studio, plan)}
          >
            {isOpen ? 'Open now' : 'Open'}
          </ActionButton>
        ) : (
          <ActionButton
            className="quiet"
            aria-label={`Continue ${name}`}
            hindrance={isBusy ? BUSY : !allowed && 'Downloads are switched off above'}
            title="Download the rest"
            onClick={() => void downloadModel(studio, plan)}
          >
            Continue
          </ActionButton>
        )}
        <ConfirmButton
          label="Delete"
          name={`Delete ${name}`}
          question={`Delete ${formatBytes(held_bytes)}?`}
          disabled={isOpen}
          title={isOpen ? OPEN_NOW : undefined}
          onConfirm={onDelete}
        />
      </div>
    </li>
  );
}
