/** @file Errors of GGUF files. */
import { type ErrorCode, WhittleError } from '../../errors/errors.ts';

interface Detail {
  code?: ErrorCode;
  tensor?: string;
  /** Key of the metadata. */
  field?: string;
  allowed?: string;
  action?: string;
}

export function badGguf(file: string, message: string, detail: Detail = {}): WhittleError {
  const { tensor, field, allowed, action } = detail;
  return new WhittleError({
    code: 'bad_gguf',
    message,
    place: { file, tensor, field },
    allowed: allowed ?? 'a GGUF file of version 2 or 3, as llama.cpp and the gguf package write it',
    action: action ?? 'Download the file again, or convert the model anew with current tools.',
  });
}

/** A file that is sound but holds what Whittle cannot run exactly: `unknown_architecture`, unless `detail` has another code. */
export function unsupportedGguf(file: string, message: string, detail: Detail = {}): WhittleError {
  const { code = 'unknown_architecture', tensor, field, allowed, action } = detail;
  return new WhittleError({
    code,
    message,
    place: { file, tensor, field },
    allowed: allowed ?? 'a model of a family that Whittle runs, as its GGUF converter in llama.cpp writes it',
    action: action ?? 'Choose a model of a supported family, or open its safetensors version.',
  });
}
