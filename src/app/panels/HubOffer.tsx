import { useId } from 'react';
import type { HubChoice } from '../../engine/protocol.ts';
import { endpointHost } from '../../platform/hub/endpoint.ts';
import { downloadModel, openDownloaded } from '../actions/hub.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { type Fact, Facts } from '../components/Facts.tsx';
import { formatBytes } from '../format.ts';
import { type HubState, type Offer, offerOf } from '../store/hub.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { changeHub } from '../store/store.ts';
import { useStudio } from '../studio.ts';

/** What a name stands for, which weights to take, what that costs; and only then the download. */
export function HubOffer({ hub }: { hub: HubState }) {
  const offer = offerOf(hub);
  const { listing } = hub;
  if (!listing || !offer) return null;
  const { plan, problem } = offer;
  const facts: Fact[] = [
    { name: 'Model', value: listing.id },
    { name: 'Revision', value: `${listing.revision} · ${listing.commit.slice(0, 7)}`, title: listing.commit },
    ...(listing.architecture ? [{ name: 'Architecture', value: listing.architecture }] : []),
    ...(listing.license ? [{ name: 'Licence', value: listing.license }] : []),
  ];
  return (
    <>
      <Facts facts={facts} />
      {listing.choices.length > 1 && <ChoiceField choices={listing.choices} value={plan.choice} />}
      <details className="fold">
        <summary>{plan.files.length === 1 ? '1 file' : `${plan.files.length} files`} to download</summary>
        <ul className="file-list">
          {plan.files.map(({ path, bytes }) => (
            <li key={path}>
              <span>{path}</span>
              <span>{formatBytes(bytes)}</span>
            </li>
          ))}
        </ul>
      </details>
      <Facts
        facts={[
          {
            name: 'To download',
            value: <SizeToCome offer={offer} />,
            title: 'Whether it fits is tried before anything is asked for',
          },
        ]}
      />
      {problem && <p className="notice">{problem} It cannot be opened here.</p>}
      <OfferButton offer={offer} allowed={hub.allowed} />
    </>
  );
}

function SizeToCome({ offer }: { offer: Offer }) {
  const { plan, cached, missing_bytes } = offer;
  const total = plan.files.reduce((sum, { bytes }) => sum + bytes, 0);
  if (cached?.is_complete) return <>nothing, it is here</>;
  if (cached && cached.held_bytes > 0) {
    return (
      <>
        {formatBytes(missing_bytes)} <span className="muted">of {formatBytes(total)}</span>
      </>
    );
  }
  return <>{formatBytes(total)}</>;
}

function OfferButton({ offer, allowed }: { offer: Offer; allowed: boolean }) {
  const studio = useStudio();
  const isBusy = useIsBusy();
  const { plan, cached, missing_bytes } = offer;
  if (cached?.is_complete) {
    return (
      <button type="button" className="wide" onClick={() => void openDownloaded(studio, plan)}>
        Open
      </button>
    );
  }
  const isPartial = cached !== undefined && cached.held_bytes > 0;
  return (
    <ActionButton
      className="primary wide"
      hindrance={isBusy ? BUSY : (offer.problem ?? (allowed ? null : 'Downloads are switched off above'))}
      title={`From ${endpointHost(plan.endpoint)}; kept in this browser until you delete it`}
      onClick={() => void downloadModel(studio, plan)}
    >
      Download {isPartial ? 'the other ' : ''}
      {formatBytes(missing_bytes)}
    </ActionButton>
  );
}

function ChoiceField({ choices, value }: { choices: readonly HubChoice[]; value: string }) {
  const { store } = useStudio();
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>Weights</label>
      <select id={id} value={value} onChange={(event) => changeHub(store, { choice: event.target.value })}>
        {choices.map(({ key, bytes, problem }) => (
          <option key={key} value={key}>
            {key} · {formatBytes(bytes)}
            {problem ? ' · cannot be read' : ''}
          </option>
        ))}
      </select>
    </div>
  );
}
