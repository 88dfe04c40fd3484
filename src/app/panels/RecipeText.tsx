import { useId } from 'react';
import type { AnyMethod } from '../../compress/method.ts';
import { allowedValues, fieldsOf } from '../../compress/options/fields.ts';
import { findMethod, METHODS } from '../../compress/registry.ts';

interface Props {
  text: string;
  isWrong: boolean;
  onChange: (text: string) => void;
}

/** The expert's view: what the command line takes, completed and explained from the registry. */
export function RecipeText({ text, isWrong, onChange }: Props) {
  const [input, list, help] = [useId(), useId(), useId()];
  const method = findMethod(atCursor(text).name);
  return (
    <div className="field">
      <label htmlFor={input}>As text</label>
      <input
        id={input}
        type="text"
        className="recipe-input"
        list={list}
        value={text}
        spellCheck={false}
        autoComplete="off"
        aria-describedby={help}
        aria-invalid={isWrong}
        onChange={(event) => onChange(event.target.value)}
      />
      <datalist id={list}>
        {completions(text).map((value) => (
          <option key={value} value={value} />
        ))}
      </datalist>
      {method ? (
        // For those who write recipes: eight lines for some, and nobody else's.
        <details className="fold">
          <summary>What {method.name} takes</summary>
          <p id={help} className="field-note">
            {taken(method)}
          </p>
        </details>
      ) : (
        <p id={help} className="field-note">
          METHOD:OPTION=VALUE,… one after another, with ; between.
        </p>
      )}
    </div>
  );
}

/** What is written before the step at hand, that step's method, and what is written of its options. */
function atCursor(text: string) {
  const last = text.lastIndexOf(';') + 1;
  const step = text.slice(last);
  const colon = step.indexOf(':');
  const name = (colon < 0 ? step : step.slice(0, colon)).trim();
  return { before: text.slice(0, last) + (last > 0 ? ' ' : ''), name, step: step.trim(), hasOptions: colon >= 0 };
}

/** Whole texts that the last step may be completed to. */
function completions(text: string): string[] {
  const { before, name, step, hasOptions } = atCursor(text);
  const method = findMethod(name);
  if (!method || !hasOptions) return METHODS.map((each) => `${before}${each.name}`);
  const comma = step.lastIndexOf(',');
  const kept = comma < 0 ? `${name}:` : `${step.slice(0, comma)},`;
  return fieldsOf(method.options)
    .filter((field) => !step.includes(`${field.name}=`) && field.default !== undefined)
    .map((field) => `${before}${kept}${field.name}=${String(field.default)}`);
}

/** What the last step takes; what it does stands in its form. */
function taken(method: AnyMethod): string {
  const fields = fieldsOf(method.options).map(({ name, meta }) => `${name}: ${allowedValues(meta)}`);
  return fields.length > 0 ? `${fields.join('; ')}.` : 'No options.';
}
