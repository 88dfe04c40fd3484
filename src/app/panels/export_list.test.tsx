import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import type { ErrorData } from '../../errors/errors.ts';
import type { ExportEntry } from '../store/exports.ts';
import { StudioProvider } from '../studio.ts';
import { studioWith } from '../testing.ts';
import { ExportList } from './ExportList.tsx';

/** The buttons below an export that failed with this code. */
function buttons(code: ErrorData['code'], again?: () => void): string[] {
  const { studio } = studioWith();
  studio.store.getInitialState = studio.store.getState;
  const error = { code, message: 'What was found.', place: {}, action: 'What to do.' } as ErrorData;
  const entry = { state: 'failed', choice: { format: 'onnx' }, error } as unknown as ExportEntry;
  const html = renderToStaticMarkup(
    <StudioProvider value={studio}>
      <ExportList exports={[entry]} kind="dense" perplexity={null} stem="m" isNext={false} again={again} />
    </StudioProvider>,
  );
  const texts = [...html.matchAll(/<button[^>]*>([^<]*)<\/button>/g)].map(([, text]) => text);
  return texts.filter((text) => text !== 'Copy details');
}

describe('an export that failed', () => {
  const again = () => {};

  it('may be tried again where room can be made, or where the engine stopped', () => {
    expect(buttons('storage_full', again)).toEqual(['Free space…', 'Export again']);
    expect(buttons('engine_stalled', again)).toEqual(['Export again']);
  });

  it('has no button where the same would come of it', () => {
    expect(buttons('verification_failed', again)).toEqual([]);
    expect(buttons('engine_stalled')).toEqual([]);
  });
});
