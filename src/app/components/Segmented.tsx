import { useId } from 'react';

interface Choice<T> {
  value: T;
  label: string;
  title?: string;
}

interface Props<T> {
  legend: string;
  choices: readonly Choice<T>[];
  value: T;
  onChange: (value: T) => void;
}

/** A few exclusive choices side by side: native radio buttons, so arrow keys and screen readers work as ever. */
export function Segmented<T extends string>({ legend, choices, value, onChange }: Props<T>) {
  const name = useId();
  return (
    <fieldset className="segmented-field">
      <legend>{legend}</legend>
      <div className="segmented">
        {choices.map((choice) => (
          <label key={choice.value} title={choice.title}>
            <input type="radio" name={name} checked={choice.value === value} onChange={() => onChange(choice.value)} />
            <span>{choice.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
