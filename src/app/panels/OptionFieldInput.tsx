import { useEffect, useId, useState } from 'react';
import { allowedValues, type OptionField } from '../../compress/options/fields.ts';
import { ExampleFileInput } from './ExampleFileInput.tsx';

interface Props {
  field: OptionField;
  /** Undefined: the default. */
  value: unknown;
  /** Undefined leaves the option out. */
  onChange: (value: unknown) => void;
}

/** The control that a field of the registry asks for. A value that is the default is not written. */
export function OptionFieldInput({ field, value, onChange }: Props) {
  const id = useId();
  const { meta } = field;
  const fallback = field.default;
  const write = (next: unknown) => onChange(next === fallback ? undefined : next);
  const title = `${meta.help} Allowed: ${allowedValues(meta)}${fallback === undefined ? '' : `; ${String(fallback)} unless set`}.`;
  if (meta.type === 'flag') {
    const isOn = (value ?? fallback) === true;
    return (
      <label className="field-flag" title={title}>
        <input type="checkbox" checked={isOn} onChange={() => write(!isOn)} />
        {meta.label}
      </label>
    );
  }
  return (
    <div className="field" title={title}>
      <label htmlFor={id}>
        {meta.label}
        {meta.unit && meta.unit !== meta.label.toLowerCase() && <span className="field-unit"> {meta.unit}</span>}
      </label>
      {meta.type === 'choice' ? (
        <select
          id={id}
          value={String(value ?? fallback ?? '')}
          onChange={(event) => write(meta.values.find((each) => String(each) === event.target.value))}
        >
          {fallback === undefined && <option value="">not set</option>}
          {meta.values.map((each) => (
            <option key={each} value={String(each)}>
              {each}
            </option>
          ))}
        </select>
      ) : meta.type === 'file' ? (
        <ExampleFileInput id={id} value={value as string | undefined} onChange={write} />
      ) : (
        <TextInput id={id} field={field} value={value} onChange={write} />
      )}
    </div>
  );
}

/** Takes effect when the person leaves the box or presses Enter. What cannot be is written too: the recipe says why. */
function TextInput({ id, field, value, onChange }: Props & { id: string }) {
  const { meta } = field;
  const shown = textOf(value ?? field.default);
  const [draft, setDraft] = useState(shown);
  useEffect(() => setDraft(shown), [shown]);
  const commit = () => draft !== shown && onChange(readValue(draft.trim(), field));
  const words = meta.type === 'number' ? meta.words : undefined;
  return (
    <>
      <input
        id={id}
        type="text"
        inputMode={meta.type === 'number' && !words ? 'decimal' : undefined}
        list={words ? `${id}-words` : undefined}
        placeholder={meta.type === 'text' ? meta.form : meta.type === 'numbers' ? 'not set' : undefined}
        spellCheck={false}
        autoComplete="off"
        value={draft}
        onChange={(event) => setDraft(event.target.value)}
        onBlur={commit}
        onKeyDown={(event) => event.key === 'Enter' && commit()}
      />
      {words && (
        <datalist id={`${id}-words`}>
          {words.map((word) => (
            <option key={word} value={word} />
          ))}
        </datalist>
      )}
    </>
  );
}

function textOf(value: unknown): string {
  if (value === undefined) return '';
  return Array.isArray(value) ? value.join('/') : String(value);
}

function readValue(text: string, { meta }: OptionField): unknown {
  if (text === '') return undefined;
  if (meta.type === 'numbers') return text.split(/[/,\s]+/).map(Number);
  if (meta.type === 'text' || (meta.type === 'number' && meta.words?.includes(text))) return text;
  const number = Number(text.replace(',', '.'));
  return Number.isFinite(number) ? number : text;
}
