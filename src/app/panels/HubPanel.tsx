import { type FormEvent, useEffect, useId, useState } from 'react';
import { endpointHost, pageEndpoint } from '../../platform/hub/endpoint.ts';
import { allowHub, lookUpModel, refreshCache, stopLookUp } from '../actions/hub.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { useStudio, useStudioState } from '../studio.ts';
import { HubCacheList } from './HubCacheList.tsx';
import { HubOffer } from './HubOffer.tsx';

/** Models by name. Nothing is asked before the switch is on and a button is pressed; what is here opens without either. */
export function HubPanel() {
  const studio = useStudio();
  const hub = useStudioState((state) => state.hub);
  const [host] = useState(() => endpointHost(pageEndpoint()));
  useEffect(() => {
    void refreshCache(studio);
  }, [studio]);
  return (
    <>
      <details className="fold">
        <summary>From the Hugging Face Hub</summary>
        <div className="fold-body">
          <label className="check">
            <input type="checkbox" checked={hub.allowed} onChange={(event) => allowHub(studio, event.target.checked)} />
            <span>Allow downloads from {host}</span>
          </label>
          <p className="field-note">
            {hub.allowed
              ? `${host} is asked only when you press a button below. It and its file hosts then see your network address and which model you want; no cookie and no other data.`
              : 'Off: Whittle asks no other site for anything.'}
          </p>
          <NameForm host={host} />
          {hub.failure && <ErrorNote title={hub.failure.title} error={hub.failure.error} />}
          <HubOffer hub={hub} />
        </div>
      </details>
      {hub.cache && hub.cache.entries.length > 0 && <HubCacheList cache={hub.cache} />}
    </>
  );
}

function NameForm({ host }: { host: string }) {
  const studio = useStudio();
  const { allowed, looking_up } = useStudioState((state) => state.hub);
  const [name, setName] = useState('');
  const id = useId();
  const isEmpty = name.trim() === '';
  function submit(event: FormEvent) {
    event.preventDefault();
    if (looking_up) stopLookUp(studio);
    else if (!isEmpty) void lookUpModel(studio, name);
  }
  return (
    <form onSubmit={submit}>
      <fieldset className="field hub-name" disabled={!allowed}>
        <label htmlFor={id}>Model, by name or address</label>
        <input
          id={id}
          type="text"
          value={name}
          placeholder="owner/name@revision"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          onChange={(event) => setName(event.target.value)}
        />
        <button type="submit" className="wide" disabled={isEmpty && !looking_up} title={`One request to ${host}`}>
          {looking_up ? 'Stop' : 'Look up'}
        </button>
      </fieldset>
      <p className="visually-hidden" role="status">
        {looking_up ? `Asking ${host}` : ''}
      </p>
    </form>
  );
}
