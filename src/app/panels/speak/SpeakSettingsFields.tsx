import { NumberField } from '../../components/NumberField.tsx';
import type { SpeakSettings } from '../../store/voices.ts';

interface Props {
  settings: SpeakSettings;
  onChange: (settings: SpeakSettings) => void;
}

const FIELDS: readonly {
  name: keyof SpeakSettings;
  label: string;
  hint?: string;
  least: number;
  most: number;
  step?: number;
  /** Nothing is drawn at temperature 0. */
  isOfDrawing?: true;
}[] = [
  { name: 'max_tokens', label: 'Tokens', least: 1, most: 4096 },
  { name: 'temperature', label: 'Temperature', hint: '0: the likeliest', least: 0, most: 10, step: 0.05 },
  { name: 'top_k', label: 'Top-k', hint: '0: all', least: 0, most: 1_000_000, isOfDrawing: true },
  { name: 'top_p', label: 'Top-p', hint: '1: all', least: 0.01, most: 1, step: 0.01, isOfDrawing: true },
  { name: 'repetition_penalty', label: 'Repetition penalty', hint: '1: none', least: 0.05, most: 10, step: 0.05 },
  { name: 'seed', label: 'Seed', hint: 'of all', least: 0, most: 2 ** 32 - 1, isOfDrawing: true },
];

/** How tokens are chosen: the same for every model. */
export function SpeakSettingsFields({ settings, onChange }: Props) {
  const isDrawn = settings.temperature > 0;
  const said = isDrawn
    ? `temperature ${settings.temperature}, top-k ${settings.top_k || 'all'}, top-p ${settings.top_p}, seed ${settings.seed}`
    : 'the likeliest token each time';
  return (
    <details className="speak-settings">
      <summary>
        Sampling:{' '}
        <span className="muted">
          {said}, up to {settings.max_tokens} tokens
        </span>
      </summary>
      <div className="speak-fields">
        {FIELDS.filter(({ isOfDrawing }) => isDrawn || !isOfDrawing).map(({ name, isOfDrawing: _, ...field }) => (
          <NumberField
            key={name}
            {...field}
            value={settings[name]}
            onChange={(value) => onChange({ ...settings, [name]: value })}
          />
        ))}
      </div>
    </details>
  );
}
