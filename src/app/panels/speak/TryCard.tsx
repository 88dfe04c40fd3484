import { useId, useMemo, useState } from 'react';
import type { ModelSummary, Prompt } from '../../../engine/protocol.ts';
import { cancelJob } from '../../actions/job.ts';
import { writeTexts } from '../../actions/speak.ts';
import { ActionButton } from '../../components/ActionButton.tsx';
import { Segmented } from '../../components/Segmented.tsx';
import { BUSY, isReplaceable } from '../../store/job.ts';
import { SPEAK_SETTINGS, speakers, spokenOf, usualSpeakers, type Voice } from '../../store/voices.ts';
import { useStudio, useStudioState } from '../../studio.ts';
import { FailureNote } from '../FailureNote.tsx';
import { SpeakSettingsFields } from './SpeakSettingsFields.tsx';
import { VoiceLabel } from './VoiceLabel.tsx';
import { Voices } from './Voices.tsx';

/** One prompt, several models, side by side. */
export function TryCard() {
  const studio = useStudio();
  const id = useId();
  const results = useStudioState((state) => state.results);
  const isBusy = useStudioState(({ job }) => !isReplaceable(job));
  const isWriting = useStudioState(({ job }) => job.state === 'running' && job.kind === 'speak');
  const shown = useStudioState(spokenOf);
  const model = results.model as ModelSummary;
  const [text, setText] = useState('Once upon a time');
  const [as, setAs] = useState<'chat' | 'text'>(model.has_chat_template ? 'chat' : 'text');
  const [settings, setSettings] = useState(SPEAK_SETTINGS);
  const [voices, setVoices] = useState<readonly Voice[]>([]);
  const [chosen, setChosen] = useState<readonly string[] | null>(null);
  const all = useMemo(() => speakers(results), [results]);
  const usual = useMemo(() => usualSpeakers(results, shown), [results, shown]);
  const speaking = all.filter(({ key }) => (chosen ?? usual).includes(key));
  const hindrance =
    (isBusy && BUSY) ||
    (text.trim() === '' && 'Type a few words first') ||
    (speaking.length === 0 && 'Choose who writes') ||
    null;

  function write() {
    if (hindrance) return;
    const prompt: Prompt = as === 'chat' ? { messages: [{ role: 'user', content: text }] } : { text };
    void writeTexts(studio, speaking, prompt, settings, setVoices);
  }
  const toggle = (key: string) => {
    const now = chosen ?? usual;
    setChosen(now.includes(key) ? now.filter((each) => each !== key) : [...now, key]);
  };

  return (
    <section className="chart-card speak-card" aria-labelledby={id}>
      <header>
        <h2 id={id}>Try it</h2>
      </header>
      <form
        className="speak-form"
        onSubmit={(event) => {
          event.preventDefault();
          write();
        }}
      >
        <div className="field">
          <label htmlFor={`${id}-prompt`}>
            {as === 'chat' ? 'Message' : 'Text to go on from'}
            <span className="field-hint"> Ctrl + Enter writes, Esc stops</span>
          </label>
          <textarea
            id={`${id}-prompt`}
            rows={3}
            value={text}
            onChange={(event) => setText(event.target.value)}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
              event.preventDefault();
              write();
            }}
          />
        </div>
        <div className="speak-choices">
          {model.has_chat_template && (
            <Segmented
              legend="Given as"
              choices={[
                { value: 'chat', label: 'Message', title: 'Put into words by the chat template of the model' },
                { value: 'text', label: 'Plain text', title: 'As it stands' },
              ]}
              value={as}
              onChange={setAs}
            />
          )}
          <fieldset className="speak-who">
            <legend>Who writes</legend>
            {all.map(({ key, label, end }) => (
              <label key={key} title={label}>
                <input
                  type="checkbox"
                  checked={speaking.some((each) => each.key === key)}
                  onChange={() => toggle(key)}
                />
                <VoiceLabel label={label} end={end} />
              </label>
            ))}
          </fieldset>
        </div>
        <SpeakSettingsFields settings={settings} onChange={setSettings} />
        <div className="button-row">
          <ActionButton className="strong" hindrance={hindrance} onClick={write}>
            Write
          </ActionButton>
          {isWriting && (
            <button type="button" onClick={() => cancelJob(studio)}>
              Stop
            </button>
          )}
        </div>
      </form>
      <FailureNote place="speak" again={write} />
      <Voices voices={voices} />
    </section>
  );
}
