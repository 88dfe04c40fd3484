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
  /** Why nothing can be chosen now. */
  disabledBecause?: string;
}

/** A few exclusive choices side by side: native radio buttons, so arrow keys and screen readers work as ever. */
export function Segmented<T extends string>({ legend, choices, value, onChange, disabledBecause }: Props<T>) {
  const name = useId();
  return (
    <fieldset className="segmented-field" disabled={disabledBecause !== undefined} title={disabledBecause}>
      <legend>{legend}</legend>
      <div className="segmented">
        {choices.map((choice) => (
          <label key={choice.value} title={disabledBecause ?? choice.title}>
            <input type="radio" name={name} checked={choice.value === value} onChange={() => onChange(choice.value)} />
            <span>{choice.label}</span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}
