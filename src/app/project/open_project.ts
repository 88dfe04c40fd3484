/** @file Project files: saved from the session at hand, and opened as a session that asks for its model. */
import { downloadBlob } from '../../platform/download.ts';
import { hasSessions, putSession } from '../../platform/session_records.ts';
import { ask, mayReplace } from '../actions/ask.ts';
import { runJob } from '../actions/job.ts';
import { fileStem } from '../format.ts';
import { keeperOf } from '../sessions/keep.ts';
import { openFound } from '../sessions/open_session.ts';
import type { Studio } from '../studio.ts';
import { PROJECT_ENDING, projectText, readProject, sessionOf } from './project_file.ts';
import type { Project } from './schema.ts';

/** Whatever is shown, also by a tab that only looks. */
export async function saveProject({ store, metrics, engine }: Studio): Promise<void> {
  const state = store.getState();
  const text = projectText(state, metrics.kept(), engine.session.engines);
  if (text === null) return;
  const name = `${fileStem(state.sessions.name ?? state.results.model?.name ?? 'project')}${PROJECT_ENDING}`;
  await downloadBlob(new Blob([text], { type: 'application/json' }), name);
}

/** Asks first where work would go; a file that is no project becomes the failure of the opening. */
export async function takeProject(studio: Studio, file: File): Promise<void> {
  let project: Project;
  try {
    project = await readProject(file);
  } catch (thrown) {
    await runJob(studio, 'restore', `Opening ${file.name}`, [], () => Promise.reject(thrown));
    return;
  }
  const { results, settings } = studio.store.getState();
  const title = results.model ? `Open the project ${project.name} in place of ${results.model.name}?` : '';
  if (results.model && !(await mayReplace(studio, title, 'Open'))) return;
  const page = { id: crypto.randomUUID(), saved_at: Date.now(), backend: settings.backend };
  const { info, data, files, missing_texts } = sessionOf(project, page);
  // Its figures are kept from the start, so that the model's files can be given another day.
  if (hasSessions()) await putSession(info, data, files).catch(() => undefined);
  const opening = openFound(studio, info, { data, files });
  if (missing_texts.length > 0) void tellTexts(studio, missing_texts);
  await opening;
  await keeperOf(studio)?.look();
}

async function tellTexts(studio: Studio, names: readonly string[]): Promise<void> {
  await ask(studio, {
    title: 'A project holds no texts',
    lines: [
      `Its figures were measured with ${[...new Set(names)].join(' and ')}, and stay.`,
      'What is measured from now on is measured with the built-in texts; drop those to measure with them.',
    ],
    answers: [],
    refusal: 'OK',
  });
}
