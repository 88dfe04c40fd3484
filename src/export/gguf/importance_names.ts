/** @file Which linears each entry of an importance matrix is about: llama.cpp's names of tensors, a matrix of several parts among them. */
import type { RawConfig } from '../../formats/hf/config.ts';
import type { DecoderModel } from '../../models/decoder_model.ts';
import type { LinearName } from './graphs.ts';
import { linearsOf } from './layer_facts.ts';
import { expressModel } from './refusal.ts';

const OWN: Record<Exclude<LinearName, 'output'>, string> = {
  attn_q: 'q_proj',
  attn_k: 'k_proj',
  attn_v: 'v_proj',
  attn_output: 'o_proj',
  ffn_gate: 'gate_proj',
  ffn_up: 'up_proj',
  ffn_down: 'down_proj',
};

export interface ImportanceName {
  /** `blk.0.attn_q.weight`. */
  readonly tensor: string;
  readonly layer: number;
  /** Linears that the tensor holds, as the canonical model names them: `q_proj`. They read the same inputs. */
  readonly linears: readonly string[];
  /** Inputs. */
  readonly columns: number;
}

/** All of a model, layer by layer; one sentence where llama.cpp has no graph for it, and so no names. */
export function importanceNames(model: DecoderModel, raw: RawConfig): ImportanceName[] | string {
  const expressed = expressModel(model, raw);
  if (typeof expressed === 'string') return expressed;
  const { fused_qkv, fused_gate_up } = expressed.graph;
  return model.layers.flatMap((layer) => {
    const found = new Map<string, ImportanceName>();
    for (const [name, { weight }] of linearsOf(layer)) {
      const tensor = `blk.${layer.index}.${storedName(name, fused_qkv, fused_gate_up)}.weight`;
      const linears = [...(found.get(tensor)?.linears ?? []), OWN[name as keyof typeof OWN]];
      found.set(tensor, { tensor, layer: layer.index, linears, columns: weight.shape[1] });
    }
    return [...found.values()];
  });
}

function storedName(name: LinearName, fused_qkv: boolean, fused_gate_up: boolean): string {
  if (fused_qkv && (name === 'attn_q' || name === 'attn_k' || name === 'attn_v')) return 'attn_qkv';
  return fused_gate_up && name === 'ffn_gate' ? 'ffn_up' : name;
}
