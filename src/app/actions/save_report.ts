/** @file The session as one HTML file. Its words and drawings come when it is asked for. */
import { downloadBlob } from '../../platform/download.ts';
import { fileStem } from '../format.ts';
import type { Studio } from '../studio.ts';

export async function saveReport({ store }: Studio): Promise<void> {
  const [{ sessionPage }, { reportHtml }] = await Promise.all([
    import('../session_page.ts'),
    import('../../report/html.ts'),
  ]);
  const page = sessionPage(store.getState(), new Date());
  if (!page) return;
  await downloadBlob(new Blob([reportHtml(page)], { type: 'text/html' }), `${fileStem(page.title, 'report')}.html`);
}
