/** @file A model that cannot be built from an ONNX file: the error also says what the file holds. */
import { WhittleError } from '../../errors/errors.ts';

/** Runs `build`; a {@link WhittleError} from it gets the summary of the ONNX file, where there is one. */
export async function explainOnnx<T>(summary: string | undefined, build: () => Promise<T>): Promise<T> {
  try {
    return await build();
  } catch (error) {
    if (summary === undefined || !(error instanceof WhittleError)) throw error;
    const data = error.toData();
    throw new WhittleError({ ...data, message: `${data.message} The file is ${summary}.` }, { cause: error });
  }
}
