/** @file A model that cannot be built from an ONNX file: the error also says what the file holds, and what it does not tell. */
import { WhittleError } from '../../errors/errors.ts';
import type { Nameless } from '../../formats/onnx/nameless.ts';

interface OnnxFile {
  readonly summary: string;
  readonly nameless?: Nameless;
}

/** Runs `build`; a {@link WhittleError} from it gets what is known of the ONNX file, where there is one. */
export async function explainOnnx<T>(onnx: OnnxFile | undefined, build: () => Promise<T>): Promise<T> {
  try {
    return await build();
  } catch (error) {
    if (onnx === undefined || !(error instanceof WhittleError)) throw error;
    const { summary, nameless } = onnx;
    const data = error.toData();
    if (data.code === 'missing_tensor' && nameless) throw withoutModules(error, nameless, summary);
    throw new WhittleError({ ...data, message: `${data.message} The file is ${summary}.` }, { cause: error });
  }
}

/** The weights are there, and nothing says whose they are. */
function withoutModules(error: WhittleError, { count, example }: Nameless, summary: string): WhittleError {
  const data = error.toData();
  const products =
    count === 1
      ? `One product of the graph (${example}) tells`
      : `${count} products of the graph (${example} and others) tell`;
  const wanted = data.place?.tensor === undefined ? '' : `, so that nothing says which is ${data.place.tensor}`;
  return new WhittleError(
    {
      ...data,
      message: `${products} no module that the weights belong to${wanted}. ONNX Runtime's optimiser and quantisers drop the notes in which torch's exporter names them. The file is ${summary}.`,
      allowed:
        "nodes named after their modules (/model/layers.0/mlp/up_proj/MatMul), or with torch's notes (pkg.torch.onnx.name_scopes)",
      action:
        'Open the file from before it was optimised or quantised, or the safetensors version, and quantise it here; or export it with Optimum, which names nodes after modules.',
    },
    { cause: error },
  );
}
