import { BOS_MODES, bosText } from '../../engine/plan.ts';
import type { TextSettings } from '../../engine/protocol.ts';
import { measureAgain, measureMissing } from '../actions/open_model.ts';
import { ActionButton } from '../components/ActionButton.tsx';
import { NumberField } from '../components/NumberField.tsx';
import { overlapText, usedText } from '../components/Protocol.tsx';
import { Section } from '../components/Section.tsx';
import { BUSY } from '../store/job.ts';
import { missingMeasures } from '../store/results.ts';
import { useIsBusy } from '../store/selectors.ts';
import { changeSettings } from '../store/store.ts';
import { areTextsChanged } from '../store/texts.ts';
import { useStudio, useStudioState } from '../studio.ts';
import { FailureNote } from './FailureNote.tsx';
import { TextField } from './TextField.tsx';

export function CalibrationPanel() {
  const studio = useStudio();
  const texts = useStudioState((state) => state.settings.texts);
  const protocol = useStudioState((state) => state.results.protocol);
  const model = useStudioState((state) => state.results.model);
  const change = (part: Partial<TextSettings>) => changeSettings(studio.store, { texts: { ...texts, ...part } });
  const isChanged = useStudioState(areTextsChanged);
  const overlap = protocol && !isChanged ? overlapText(protocol) : '';
  const results = useStudioState((state) => state.results);
  const fusion = useStudioState((state) => state.settings.fusion);
  const missing = model ? missingMeasures(results, fusion) : null;
  const isIdle = useStudioState((state) => state.job.state !== 'running');
  const isBusy = useIsBusy();
  const hasNoBos = model?.has_bos === false;
  const mostTokens = model?.max_position_embeddings ?? 8192;
  return (
    <Section title="Calibration">
      <div className="field-grid two">
        <TextField
          label="Calibration text"
          source={texts.calibration}
          note={protocol && !isChanged ? usedText(protocol.calibration, protocol.samples * protocol.seqlen) : undefined}
          onChange={(calibration) => change({ calibration })}
        />
        <TextField
          label="Evaluation text"
          source={texts.evaluation}
          note={
            protocol && !isChanged ? usedText(protocol.evaluation, protocol.eval_samples * protocol.seqlen) : undefined
          }
          onChange={(evaluation) => change({ evaluation })}
        />
      </div>
      <fieldset className="presets three" aria-label="How much text">
        {AMOUNTS.map(({ label, ...amount }) => (
          <button
            key={label}
            type="button"
            title={`${amount.samples} windows calibrate, ${amount.eval_samples} measure, of ${amount.seqlen} tokens each`}
            aria-pressed={isAmount(texts, amount)}
            onClick={() => change(amount)}
          >
            {label}
          </button>
        ))}
      </fieldset>
      <div className="field-grid four">
        <NumberField
          label="Windows"
          hint="calibration"
          value={texts.samples}
          least={1}
          most={4096}
          onChange={(samples) => change({ samples })}
        />
        <NumberField
          label="Windows"
          hint="evaluation"
          value={texts.eval_samples}
          least={1}
          most={4096}
          onChange={(eval_samples) => change({ eval_samples })}
        />
        <NumberField
          label="Length"
          hint="in tokens"
          value={texts.seqlen}
          least={2}
          most={mostTokens}
          onChange={(seqlen) => change({ seqlen })}
        />
        <div className="field">
          <label htmlFor="bos">
            BOS
            <span className="field-hint"> in windows</span>
          </label>
          <select
            id="bos"
            value={texts.bos ?? 'auto'}
            title={BOS_CHOICES.find(({ value }) => value === (texts.bos ?? 'auto'))?.title}
            onChange={({ target }) => change({ bos: target.value as TextSettings['bos'] })}
          >
            {BOS_CHOICES.map(({ value, label, title }) => (
              <option key={value} value={value} title={title} disabled={hasNoBos && NEEDS_BOS.has(value)}>
                {label}
              </option>
            ))}
          </select>
        </div>
      </div>
      {hasNoBos && <p className="field-note">This tokenizer has no BOS token: windows begin with the text itself.</p>}
      {overlap && (
        <p className="notice" role="status">
          {overlap}
        </p>
      )}
      <FailureNote place="texts" again={() => void measureMissing(studio)} />
      {isChanged && results.dense && (
        <div className="notice">
          <p>The figures shown were measured with the earlier texts.</p>
          <ActionButton hindrance={isBusy && BUSY} onClick={() => void measureAgain(studio)}>
            Measure again
          </ActionButton>
        </div>
      )}
      {!(isChanged && results.dense) && isIdle && missing && (
        <div className="notice">
          <p>{missingText(missing)}</p>
          <button type="button" onClick={() => void measureMissing(studio)}>
            Measure
          </button>
        </div>
      )}
    </Section>
  );
}

/** As people mean it; each can be changed below. */
const AMOUNTS = [
  { label: 'Quick', samples: 4, eval_samples: 4, seqlen: 128 },
  { label: 'Usual', samples: 16, eval_samples: 16, seqlen: 256 },
  { label: 'Thorough', samples: 128, eval_samples: 64, seqlen: 512 },
] as const;

function isAmount(texts: TextSettings, amount: Pick<TextSettings, 'samples' | 'eval_samples' | 'seqlen'>): boolean {
  return (['samples', 'eval_samples', 'seqlen'] as const).every((name) => texts[name] === amount[name]);
}

const NEEDS_BOS: ReadonlySet<string> = new Set(['first', 'each']);
const BOS_LABELS = { none: 'None', first: 'Once', each: 'Each' } as const;
const BOS_CHOICES = [
  {
    value: 'auto' as const,
    label: 'Auto',
    title: 'As the model is used: before each window for Gemma, else once where the tokenizer adds it, else not at all',
  },
  ...BOS_MODES.map((value) => ({ value, label: BOS_LABELS[value], title: bosText(value) })),
];

function missingText({ dense, spectra }: { dense: boolean; spectra: boolean }): string {
  if (!dense) return 'The spectra of these settings have not all been measured.';
  return `The dense model has not been measured${spectra ? ', nor all of its spectra' : ''}.`;
}
