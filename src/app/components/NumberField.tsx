import { useEffect, useId, useState } from 'react';
import { clampNumber } from '../store/settings.ts';

interface Props {
  label: string;
  /** Stands under the label, and belongs to its accessible name. */
  hint?: string;
  value: number;
  least: number;
  most: number;
  onChange: (value: number) => void;
}

/** A whole number that takes effect when the person leaves the box or presses Enter, not at every key. */
export function NumberField({ label, hint, value, least, most, onChange }: Props) {
  const id = useId();
  const [draft, setDraft] = useState(String(value));
  useEffect(() => setDraft(String(value)), [value]);
  function commit() {
    const next = Math.round(clampNumber(Number.parseFloat(draft), least, most, value));
    setDraft(String(next));
    if (next !== value) onChange(next);
  }
  return (
    <div className="field">
      <label htmlFor={id}>
        {label}
        {hint && <span className="field-hint"> {hint}</span>}
      </label>
      <input
        id={id}
        type="number"
        inputMode="numeric"
        min={least}
        max={most}
        step={1}
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && commit()}
      />
    </div>
  );
}
