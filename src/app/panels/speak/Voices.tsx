import { firstDifference } from '../../../engine/report_texts.ts';
import { ErrorNote } from '../../components/ErrorNote.tsx';
import { formatRate } from '../../format.ts';
import { parting, type Voice } from '../../store/voices.ts';
import { VoiceLabel } from './VoiceLabel.tsx';

/** The texts, in columns; what parts from the first one is marked. */
export function Voices({ voices }: { voices: readonly Voice[] }) {
  const [first] = voices;
  if (!first) return <p className="speak-empty">The models’ texts will stand here side by side, token by token.</p>;
  return (
    <>
      <div className="voices">
        {voices.map((voice) => (
          <article key={voice.key} className="voice" aria-label={voice.label} aria-busy={voice.state === 'writing'}>
            <h3 className={voice.target === 'dense' ? undefined : 'voice-made'} title={voice.label}>
              <VoiceLabel label={voice.label} end={voice.end} />
            </h3>
            <VoiceText voice={voice} first={voice === first ? null : first} />
            <p className="protocol">{factsOf(voice, first)}</p>
          </article>
        ))}
      </div>
      {/* Told once a text, not at every token. */}
      <p className="visually-hidden" role="status">
        {voices
          .filter(({ state }) => state !== 'waiting' && state !== 'writing')
          .map((voice) => `${voice.label}: ${factsOf(voice, first)}.`)
          .join(' ')}
      </p>
    </>
  );
}

function VoiceText({ voice, first }: { voice: Voice; first: Voice | null }) {
  if (voice.state === 'failed' && voice.error) return <ErrorNote error={voice.error} title="It did not write" />;
  const isWhole = voice.state !== 'waiting' && voice.state !== 'writing';
  const { same, word, rest } = first
    ? parting(voice.text, first.text, isWhole && first.state === 'done')
    : { same: voice.text, word: '', rest: '' };
  return (
    <p className="voice-text">
      {same}
      {word !== '' && <mark title="Here it parts from the first text">{word}</mark>}
      {rest}
      {voice.state === 'writing' && <span className="voice-caret" aria-hidden="true" />}
    </p>
  );
}

function factsOf({ state, result }: Voice, first: Voice): string {
  if (state === 'waiting') return 'waits for its turn';
  if (state === 'writing') return 'writes';
  if (state === 'failed') return 'did not write';
  if (!result) return 'stopped';
  const { tokens, tokens_per_second, stopped, runtime } = result;
  const parts = first.result && first.result !== result ? firstDifference(tokens, first.result.tokens) : undefined;
  return [
    `${tokens.length} token${tokens.length === 1 ? '' : 's'}`,
    tokens_per_second !== null && formatRate(tokens_per_second),
    { end_token: 'ended by itself', max_tokens: null, context_full: 'no more room in the context' }[stopped],
    parts !== undefined &&
      (parts === null ? `token for token as ${first.label}` : `parts from ${first.label} at token ${parts + 1}`),
    runtime && `${runtime}, one thread`,
  ]
    .filter(Boolean)
    .join(' · ');
}
