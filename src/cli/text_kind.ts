/** @file `--text-kind`: which built-in text takes the place of each that no file is given for. */
import { TEXT_KINDS, type TextKind } from '../engine/plan.ts';
import { WhittleError } from '../errors/errors.ts';

export interface ChosenKinds {
  calibration: TextKind;
  evaluation: TextKind;
}

/**
 * @param value One kind for both texts, or one each, calibration first.
 * @throws `bad_option` for a kind that there is not, and for one that no text would be of.
 */
export function readTextKinds(value: string, files: { calibration?: string; evaluation?: string }): ChosenKinds {
  const names = value.split(',').map((name) => name.trim());
  const kinds = names.map((name) => TEXT_KINDS.find((kind) => kind === name));
  if (kinds.length > 2 || kinds.some((kind) => kind === undefined)) {
    throw bad(`--text-kind is "${value}".`, `one of ${TEXT_KINDS.join(', ')}, or two with a comma between them`);
  }
  const [calibration, evaluation = calibration] = kinds as TextKind[];
  const given = (['calibration', 'evaluation'] as const).filter((role) => files[role] !== undefined);
  if (given.length + kinds.length <= 2) return { calibration, evaluation };
  const options = given.map((role) => `--${role}`).join(' and ');
  throw bad(
    `--text-kind is "${value}", and ${options} ${given.length > 1 ? 'name files' : 'names a file'}.`,
    'a kind for each text that no file is given for',
    'Leave out the file, or the kind of the text that it takes the place of.',
  );
}

function bad(message: string, allowed: string, action?: string): WhittleError {
  return new WhittleError({ code: 'bad_option', message, place: { field: '--text-kind' }, allowed, action });
}
