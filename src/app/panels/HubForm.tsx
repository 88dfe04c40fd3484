import { type FormEvent, useId, useState } from 'react';
import { endpointHost, pageEndpoint } from '../../platform/hub/endpoint.ts';
import { allowHub, lookUpModel, stopLookUp } from '../actions/hub.ts';
import { ErrorNote } from '../components/ErrorNote.tsx';
import { useStudio, useStudioState } from '../studio.ts';
import { HubOffer } from './HubOffer.tsx';

/** The switch, the name, and what it stands for. Nothing is asked before the switch is on and a button is pressed. */
export default function HubForm() {
  const studio = useStudio();
  const hub = useStudioState((state) => state.hub);
  const [host] = useState(() => endpointHost(pageEndpoint()));
  return (
    <>
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
      {hub.failure && (
        <div data-failure tabIndex={-1}>
          <ErrorNote title={hub.failure.title} error={hub.failure.error} />
        </div>
      )}
      <HubOffer hub={hub} />
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
          placeholder="HuggingFaceTB/SmolLM2-135M"
          autoComplete="off"
          autoCapitalize="off"
          spellCheck={false}
          title="owner/name, owner/name@revision, or the address of its page"
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
