/** @file How a checkpoint's weights are packed, as its config says, and the checkpoint with them decoded. */
import { WhittleError } from '../../../errors/errors.ts';
import type { Checkpoint } from '../../checkpoint.ts';
import { awqWeights } from './awq.ts';
import { type CompressedScheme, compressedWeights } from './compressed.ts';
import { type DecodedWeight, withDecoded } from './decoded.ts';
import { fp4Weights } from './fp4.ts';
import { type GptqScheme, gptqWeights } from './gptq.ts';

export type PackedScheme =
  | ({ readonly kind: 'gptq' } & GptqScheme)
  /** `group`: 0 for all inputs. */
  | { readonly kind: 'awq'; readonly group: number }
  | ({ readonly kind: 'compressed-tensors' } & CompressedScheme)
  | { readonly kind: 'fp4' };

/** Reads no weight but the order of inputs. Throws `missing_tensor`, `bad_safetensors`. */
export function withUnpacked(checkpoint: Checkpoint, scheme: PackedScheme | undefined): Promise<Checkpoint> {
  if (!scheme) return Promise.resolve(checkpoint);
  return withDecoded(checkpoint, async (parts) => {
    switch (scheme.kind) {
      case 'gptq':
        return someOf(await gptqWeights(parts, scheme), checkpoint, scheme.kind);
      case 'awq':
        return someOf(await awqWeights(parts, scheme.group), checkpoint, scheme.kind);
      case 'compressed-tensors':
        return [...(await compressedWeights(parts, scheme)), ...(await fp4Weights(parts))];
      case 'fp4':
        return fp4Weights(parts);
    }
  });
}

/** The config says that there are packed weights, and something is stored that is no plain float. */
function someOf(weights: DecodedWeight[], { tensors }: Checkpoint, method: string): DecodedWeight[] {
  if (weights.length > 0) return weights;
  const [odd] = [...tensors.values()].filter(({ dtype }) => !['F64', 'F32', 'F16', 'BF16'].includes(dtype));
  throw new WhittleError({
    code: 'unsupported_dtype',
    message: `config.json (quantization_config) says that weights are packed by ${method}, but none has a qweight.${odd ? ` ${odd.name} is ${odd.dtype}.` : ''}`,
    place: { file: odd?.file, tensor: odd?.name },
    allowed: 'qweight, qzeros and scales of each packed linear',
    action: 'Check that config.json belongs to these weights, or open the original, unquantised version of the model.',
  });
}
