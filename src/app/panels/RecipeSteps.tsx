import { useId, useRef, useState } from 'react';
import { fieldsOf } from '../../compress/options/fields.ts';
import { formatStep, type StepInput } from '../../compress/recipe/recipe.ts';
import { findMethod, METHODS } from '../../compress/registry.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { OptionFieldInput } from './OptionFieldInput.tsx';
import { useRefusals } from './recipe_plans.ts';

interface Props {
  inputs: readonly StepInput[];
  /** The whole recipe, as text. */
  onChange: (text: string) => void;
}

/** Options of a step that are shown at once, in one row; the rest are folded away until they are set. */
const SHOWN = 2;

export function RecipeSteps({ inputs, onChange }: Props) {
  const list = useRef<HTMLOListElement>(null);
  const write = (next: readonly StepInput[]) => onChange(next.map(formatStep).join('; '));

  /** The button that was pressed may be gone, or another step's; the focus goes on where the step went. */
  function focusStep(index: number, action: string) {
    requestAnimationFrame(() => {
      const item = list.current?.children[Math.max(0, index)];
      const wanted = item?.querySelector<HTMLElement>(`[data-step-action="${action}"]:not([aria-disabled="true"])`);
      (wanted ?? item?.querySelector<HTMLElement>('button:not([aria-disabled="true"])'))?.focus();
    });
  }
  function move(index: number, by: -1 | 1) {
    const next = [...inputs];
    [next[index], next[index + by]] = [next[index + by], next[index]];
    write(next);
    focusStep(index + by, by < 0 ? 'up' : 'down');
  }
  function remove(index: number) {
    write(inputs.filter((_, at) => at !== index));
    focusStep(Math.min(index, inputs.length - 2), 'remove');
  }
  function set(index: number, name: string, value: unknown) {
    write(
      inputs.map((input, at) => {
        if (at !== index) return input;
        const { [name]: _, ...others } = input.options ?? {};
        return { ...input, options: value === undefined ? others : { ...input.options, [name]: value } };
      }),
    );
  }
  return (
    <>
      <ol className="steps" ref={list} aria-label="Steps of the recipe">
        {inputs.map((input, index) => (
          <Step
            // biome-ignore lint/suspicious/noArrayIndexKey: a step is its place; the same one may stand twice
            key={`${index} ${input.method}`}
            input={input}
            index={index}
            count={inputs.length}
            onMove={(by) => move(index, by)}
            onRemove={() => remove(index)}
            onSet={(name, value) => set(index, name, value)}
          />
        ))}
      </ol>
      <AddStep onAdd={(method) => write([...inputs, { method }])} />
    </>
  );
}

interface StepProps {
  input: StepInput;
  index: number;
  count: number;
  onMove: (by: -1 | 1) => void;
  onRemove: () => void;
  onSet: (name: string, value: unknown) => void;
}

function Step({ input, index, count, onMove, onRemove, onSet }: StepProps) {
  const more = useId();
  const [isOpen, setOpen] = useState(false);
  const method = findMethod(input.method);
  if (!method) return null;
  const { label, help, paper } = method.about;
  const fields = fieldsOf(method.options);
  const isSet = ({ name }: { name: string }, at: number) => at >= SHOWN && input.options?.[name] !== undefined;
  const isRest = ({ name }: { name: string }, at: number) => at >= SHOWN && input.options?.[name] === undefined;
  const inputOf = (field: (typeof fields)[number]) => (
    <OptionFieldInput
      key={field.name}
      field={field}
      value={input.options?.[field.name]}
      onChange={(value) => onSet(field.name, value)}
    />
  );
  const name = `step ${index + 1}, ${label}`;
  return (
    <li className="step">
      <header>
        <strong title={paper ? `${help} (${paper})` : help}>{label}</strong>
        <span className="step-tools">
          <button
            type="button"
            className="quiet"
            aria-label={`More of ${name}`}
            aria-expanded={isOpen}
            aria-controls={more}
            title={isOpen ? 'Less' : 'What it does, and its other options'}
            onClick={() => setOpen(!isOpen)}
          >
            ⋯
          </button>
          <ActionButton
            className="quiet"
            data-step-action="up"
            aria-label={`Move ${name} up`}
            hindrance={index === 0 && 'It is the first step'}
            title="Earlier"
            onClick={() => onMove(-1)}
          >
            ↑
          </ActionButton>
          <ActionButton
            className="quiet"
            data-step-action="down"
            aria-label={`Move ${name} down`}
            hindrance={index === count - 1 && 'It is the last step'}
            title="Later"
            onClick={() => onMove(1)}
          >
            ↓
          </ActionButton>
          <ActionButton
            className="quiet"
            data-step-action="remove"
            aria-label={`Remove ${name}`}
            hindrance={count === 1 && 'A recipe has at least one step'}
            title="Remove"
            onClick={onRemove}
          >
            ×
          </ActionButton>
        </span>
      </header>
      {fields.length > 0 && <div className="field-grid two step-row">{fields.slice(0, SHOWN).map(inputOf)}</div>}
      {fields.some(isSet) && <div className="field-grid two">{fields.filter(isSet).map(inputOf)}</div>}
      <div id={more} className="step-more" hidden={!isOpen}>
        <p className="field-note">{help}</p>
        {fields.some(isRest) && <div className="field-grid two">{fields.filter(isRest).map(inputOf)}</div>}
      </div>
    </li>
  );
}

const GROUPS: Readonly<Record<string, string>> = {
  quantise: 'Fewer bits',
  prune: 'Fewer weights',
  factor: 'Lower rank',
  slice: 'Fewer dimensions',
  recover: 'Make up for the loss',
  train: 'Train',
};

/** All methods of the registry; those that the open model does not permit are there with their reason. */
function AddStep({ onAdd }: { onAdd: (method: string) => void }) {
  const id = useId();
  const refusals = useRefusals();
  // Chosen first, added by the button: the arrow keys of a closed menu choose whatever they pass.
  const [chosen, setChosen] = useState('');
  const groups = [...new Set(METHODS.map(({ about }) => about.group))];
  return (
    <div className="add-step">
      <label htmlFor={id} className="visually-hidden">
        Next step
      </label>
      <select id={id} value={chosen} onChange={(event) => setChosen(event.target.value)}>
        <option value="">Another step…</option>
        {groups.map((group) => (
          <optgroup key={group} label={GROUPS[group] ?? group}>
            {METHODS.filter(({ about }) => about.group === group).map(({ name, about }) => (
              <option key={name} value={name} disabled={refusals.has(name)} title={about.help}>
                {about.label}
                {refusals.has(name) ? ` – not this model: ${refusals.get(name)}` : ''}
              </option>
            ))}
          </optgroup>
        ))}
      </select>
      <ActionButton
        aria-label="Add this step"
        hindrance={chosen === '' && 'Choose a method beside'}
        title="Adds it as the last step"
        onClick={() => {
          onAdd(chosen);
          setChosen('');
        }}
      >
        Add
      </ActionButton>
    </div>
  );
}
