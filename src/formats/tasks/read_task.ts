/** @file A file of multiple-choice examples, whichever of the known forms it has. */
import { WhittleError } from '../../errors/errors.ts';
import type { Entry } from '../jsonl/entry.ts';
import { readJsonl } from '../jsonl/read_jsonl.ts';
import { TASK_FORMS, type TaskForm } from './forms.ts';
import type { Example, Task } from './task.ts';

/**
 * @param limit The first so many examples.
 * @throws `bad_jsonl`, with line and field.
 */
export async function readTask(file: string, blob: Blob, limit?: number): Promise<Task> {
  const examples: Example[] = [];
  let form: TaskForm | undefined;
  for await (const entry of readJsonl(file, blob, limit)) {
    form ??= formOf(entry);
    examples.push({ line: entry.line, ...form.read(entry) });
  }
  if (!form) {
    throw new WhittleError({
      code: 'bad_jsonl',
      message: 'The file holds no examples.',
      place: { file },
      allowed: known(),
      action: 'Choose a file with at least one example.',
    });
  }
  return { name: file.replace(/\.[^.]+$/, ''), file, form: form.name, has_norm: form.has_norm, examples };
}

/** A file has one form; its first example tells which. */
function formOf(entry: Entry): TaskForm {
  const form = TASK_FORMS.find(({ fields }) => entry.has(...fields));
  if (form) return form;
  const found = Object.keys(entry.value);
  throw new WhittleError({
    code: 'bad_jsonl',
    message: `The fields of this example (${found.slice(0, 8).join(', ') || 'none'}) are those of no task that is known.`,
    place: { file: entry.file, line: entry.line },
    allowed: known(),
    action: 'Rename the fields, or choose a file of one of these tasks.',
  });
}

function known(): string {
  return TASK_FORMS.map(({ name, fields }) => `${name}: ${fields.join(', ')}`).join('; ');
}
