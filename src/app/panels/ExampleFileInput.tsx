import { useRef } from 'react';
import { takeExamples } from '../actions/examples.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { formatCount } from '../format.ts';
import { BUSY } from '../store/job.ts';
import { useIsBusy } from '../store/selectors.ts';
import { useStudio, useStudioState } from '../studio.ts';

interface Props {
  id: string;
  value: string | undefined;
  onChange: (value: string | undefined) => void;
}

/** One of the files that are given, or another, which is then given too. A name that no file has stays: the plan says so. */
export function ExampleFileInput({ id, value, onChange }: Props) {
  const studio = useStudio();
  const examples = useStudioState((state) => state.results.examples);
  const input = useRef<HTMLInputElement>(null);
  const isBusy = useIsBusy();
  const isKnown = value === undefined || examples.some(({ name }) => name === value);
  return (
    <>
      <select id={id} value={value ?? ''} onChange={(event) => onChange(event.target.value || undefined)}>
        <option value="">none</option>
        {!isKnown && <option value={value}>{value} (not given)</option>}
        {examples.map(({ name, pairs }) => (
          <option key={name} value={name}>
            {name}, {formatCount(pairs)}
          </option>
        ))}
      </select>
      <input
        ref={input}
        type="file"
        hidden
        accept=".jsonl"
        aria-label="File of prompts and answers"
        onChange={({ target }) => {
          const file = target.files?.[0];
          if (file) void takeExamples(studio, [file]).then((isTaken) => isTaken && onChange(file.name));
          // The same file can be chosen again after a failure.
          target.value = '';
        }}
      />
      <ActionButton className="quiet" hindrance={isBusy && BUSY} onClick={() => input.current?.click()}>
        Open examples…
      </ActionButton>
    </>
  );
}
