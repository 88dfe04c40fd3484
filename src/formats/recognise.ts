/** @file Tells what a file really is when it is not what its name says. Looks at the first bytes only. */
import { WhittleError } from '../errors/errors.ts';

/** Enough for every signature below. */
export const SIGNATURE_BYTES = 512;

interface Foreign {
  message: string;
  action: string;
}

const SAFETENSORS = 'a safetensors file';
const PICKLE: Foreign = {
  message: 'This is a PyTorch pickle or zip archive. It can hold code, so it is never opened.',
  action:
    'Use the safetensors version of the model; or, if you trust the file, load it in transformers and save it with save_pretrained.',
};

/** `not_a_model` for a recognised foreign file in place of weights, `undefined` for unknown bytes. */
export function recogniseForeign(file: string, head: Uint8Array, allowed = SAFETENSORS): WhittleError | undefined {
  const found = foreign(head) ?? jsonText(head);
  return found && new WhittleError({ code: 'not_a_model', place: { file }, allowed, ...found });
}

/** The same in place of a JSON file, for which JSON that is merely wrong is not foreign. */
export function recogniseNotJson(file: string, head: Uint8Array): WhittleError | undefined {
  const found = foreign(head);
  return found && new WhittleError({ code: 'not_a_model', place: { file }, allowed: 'a JSON file', ...found });
}

/** `not_a_model` for a format that is known by its name but not read. */
export function foreignByName(file: string): WhittleError | undefined {
  const found = byName(file.toLowerCase());
  return found && new WhittleError({ code: 'not_a_model', place: { file }, allowed: SAFETENSORS, ...found });
}

function foreign(head: Uint8Array): Foreign | undefined {
  const text = new TextDecoder('latin1').decode(head.subarray(0, SIGNATURE_BYTES));
  const start = text.replace(/^\u00ef\u00bb\u00bf/, '').trimStart(); // a byte-order mark, as latin1 shows it
  if (start.startsWith('version https://git-lfs')) {
    return {
      message: 'This is a Git LFS pointer: a short text that stands for the real file.',
      action: 'Fetch the real file: run "git lfs pull" in the repository, or download it from the model page.',
    };
  }
  if (/^<(!doctype|html|\?xml|head|body)/i.test(start)) {
    return {
      message: 'This is a web page, not a model.',
      action: 'The download link may need a login or was a preview page: download the file itself.',
    };
  }
  if (text.startsWith('GGUF')) {
    return {
      message: 'This is a GGUF file under another name.',
      action: 'Give it a name that ends in .gguf and open it.',
    };
  }
  const isPickle = head[0] === 0x80 && head[1] >= 2 && head[1] <= 5;
  if (isPickle || text.startsWith('PK\u0003\u0004')) return PICKLE;
  if (text.startsWith('\u0089HDF')) {
    return {
      message: 'This is an HDF5 file (Keras or TensorFlow).',
      action: 'Use the safetensors version of the model.',
    };
  }
  if (text.startsWith('\u001f\u008b') || text.startsWith('7z\u00bc\u00af') || text.startsWith('BZh')) {
    return { message: 'This is a compressed archive.', action: 'Unpack it and open the folder.' };
  }
  return undefined;
}

function jsonText(head: Uint8Array): Foreign | undefined {
  const start = new TextDecoder().decode(head.subarray(0, SIGNATURE_BYTES)).trimStart();
  if (!start.startsWith('{') && !start.startsWith('[')) return undefined;
  return {
    message: `This is JSON text, not weights; it starts with ${JSON.stringify(start.slice(0, 40))}.`,
    action: 'A server may have sent an error message in place of the file: download it again.',
  };
}

function byName(name: string): Foreign | undefined {
  if (/\.(bin|pt|pth|ckpt|pkl)$/.test(name)) return PICKLE;
  if (/\.onnx([_.]data)(_\d+)?$/.test(name)) {
    return {
      message: 'This is the external data of an ONNX model, without the model itself.',
      action: 'Drop the .onnx file, config.json and tokenizer.json together with it.',
    };
  }
  if (/\.(h5|msgpack|tflite|mlmodel|npz)$/.test(name)) {
    return {
      message: 'Weights in this format (Keras, Flax, TFLite, Core ML, NumPy) are not read.',
      action: 'Open the safetensors version of the model.',
    };
  }
  if (/\.(zip|tar|gz|tgz|7z|rar)$/.test(name)) {
    return { message: 'This is an archive.', action: 'Unpack it and open the folder.' };
  }
  return undefined;
}
