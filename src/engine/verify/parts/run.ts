/**
 * @file Runs an exported model in parts: each is a session of its own over nodes and weights of the written file, fed with
 * what the one before gave. The memory that it takes is bounded by the budget of a part, whatever the model's size.
 */
import type * as Ort from 'onnxruntime-web/wasm';
import { nextTask } from '../../../backend/event_loop.ts';
import { cancelled } from '../../../errors/errors.ts';
import { feedOf } from '../../../export/session_feeds.ts';
import { locateExternal } from '../../../formats/onnx/external.ts';
import { PART_WEIGHTS, type PartModel, readNodeMessages } from '../../../formats/onnx/graph_part.ts';
import type { OnnxModel } from '../../../formats/onnx/read_model.ts';
import type { ByteSource } from '../../../formats/source.ts';
import type { TokenWindows } from '../../../runtime/windows.ts';
import { meanLoss, WindowLoss } from '../losses.ts';
import { failed, messageOf, type VerifyOptions, type VerifyResult, versionOf } from '../session.ts';
import { idsOf } from '../shares.ts';
import { runtimeBytes } from './graph.ts';
import type { Head } from './head.ts';
import { PartModels, type Values } from './models.ts';
import { type PartsPlan, planParts } from './plan.ts';
import { WeightFiles } from './weights.ts';

/** Weights of a part in the runtime, which holds them and the bytes that they were made of while a session begins. */
export const PART_BYTES = 128e6;
/** States of the windows that go through the parts together. */
const STATES_BYTES = 256e6;

/**
 * Of weights of a model in the runtime. Products rearrange their weights: once, while a session begins, or anew for every window. Once
 * takes as much memory again as the weights of a part, so that parts of a model up to this size are half as large; in parts of a
 * larger one, memory goes before time.
 */
const MOST_REARRANGED_BYTES = 1e9;

type Session = Ort.InferenceSession;

/**
 * As `verifySession`; throws `verification_failed`, `cancelled`, and what reading the files throws.
 * @param sources The files, by name without folders.
 * @param model What the model among them says of itself.
 */
export async function verifyInParts(
  ort: typeof Ort,
  sources: ReadonlyMap<string, ByteSource>,
  model: OnnxModel,
  windows: TokenWindows,
  options: VerifyOptions = {},
  part_bytes = PART_BYTES,
): Promise<VerifyResult> {
  const run = await PartsRun.open(ort, sources, model, options, part_bytes, windows.count);
  const result: VerifyResult = {
    window_losses: [],
    first_logits: new Float32Array(),
    version: versionOf(ort),
    parts: countOf(run.plan),
  };
  const group = run.windowsAtOnce(windows.seqlen);
  for (let first = 0; first < windows.count; first += group) {
    const ids = Array.from({ length: Math.min(group, windows.count - first) }, (_, i) => idsOf(windows, first + i));
    const { losses, logits } = await run.losses(ids, first === 0);
    if (logits) result.first_logits = logits;
    for (const [i, loss] of losses.entries()) {
      result.window_losses.push(loss);
      options.onWindow?.(first + i, loss);
    }
  }
  return result;
}

class PartsRun {
  private constructor(
    private readonly ort: typeof Ort,
    private readonly model: OnnxModel,
    private readonly models: PartModels,
    readonly plan: PartsPlan,
    private readonly options: VerifyOptions,
    private readonly total: number,
    private readonly isRearranged: boolean,
  ) {}

  private done = 0;

  static async open(
    ort: typeof Ort,
    sources: ReadonlyMap<string, ByteSource>,
    model: OnnxModel,
    options: VerifyOptions,
    part_bytes: number,
    windows: number,
  ): Promise<PartsRun> {
    const source = [...sources.values()].find(({ name }) => name.endsWith('.onnx'));
    if (!source) throw failed(`None of ${sources.size} files is an ONNX model.`, [...sources.keys()].join(', '));
    const { sources: external } = await locateExternal(source, model.graph, (name) => sources.get(name));
    let bytes = 0;
    for (const tensor of model.graph.initializers.values()) bytes += runtimeBytes(tensor);
    const isSmall = bytes <= MOST_REARRANGED_BYTES;
    const plan = planParts(model.graph, isSmall ? part_bytes / 2 : part_bytes);
    const messages = await readNodeMessages(source, model.graph);
    const models = new PartModels(model, messages, new WeightFiles(source, external), plan);
    return new PartsRun(ort, model, models, plan, options, windows * countOf(plan), isSmall && windows > 1);
  }

  windowsAtOnce(seqlen: number): number {
    const { flow, head } = this.plan;
    const weight = head && flow.tensor([...head.cut.keys()][0]);
    const counted = head && flow.node(head.product).ints.get('K')?.[0];
    const width = counted ?? (weight ? Math.max(1, weight.elements / head.vocabulary) : 4096);
    // What a cut leaves between two parts is seldom more than two such states.
    return Math.max(1, Math.floor(STATES_BYTES / (2 * 4 * width * seqlen)));
  }

  async losses(windows: readonly Uint32Array[], isFirst: boolean) {
    const { body, head, flow } = this.plan;
    const tokens = this.tokensOf(windows);
    const states = windows.map((): Values => new Map());
    for (const [index, nodes] of body.entries()) {
      const behind = new Set([...body.slice(index + 1).flat(), ...(head?.nodes ?? [])]);
      const wanted = this.wantedOf(nodes, behind);
      await this.session(await this.models.body(nodes, wanted, tokens.used, states[0]), async (session) => {
        for (const [i, values] of states.entries()) {
          const results = await this.run(session, values, tokens.of(windows[i]), wanted);
          for (const name of wanted) values.set(name, results[name]);
          for (const name of values.keys()) if (!usedBehind(name)) values.delete(name);
        }
      });
      function usedBehind(name: string): boolean {
        if (name === 'logits') return true;
        for (const node of behind) if (flow.node(node).inputs.includes(name)) return true;
        return false;
      }
    }
    return head ? this.headLosses(head, windows, states, isFirst) : this.wholeLosses(windows, states, isFirst);
  }

  private async headLosses(
    head: Head,
    windows: readonly Uint32Array[],
    states: readonly Values[],
    isFirst: boolean,
  ): Promise<{ losses: number[]; logits?: Float32Array }> {
    const losses = windows.map((ids) => new WindowLoss(ids));
    const { vocabulary } = head;
    const logits = isFirst ? new Float32Array(windows[0].length * vocabulary) : undefined;
    for (let start = 0; start < vocabulary; start += this.plan.block) {
      const end = Math.min(vocabulary, start + this.plan.block);
      await this.session(await this.models.head(head, start, end, states[0]), async (session) => {
        for (const [i, values] of states.entries()) {
          const found = await this.run(session, values, windows[i], ['logits']);
          const block = floats(found.logits, windows[i].length * (end - start));
          losses[i].add(block, start);
          if (i > 0 || !logits) continue;
          for (let t = 0; t < windows[0].length; t++) {
            logits.set(block.subarray(t * (end - start), (t + 1) * (end - start)), t * vocabulary + start);
          }
        }
      });
    }
    return { losses: losses.map((each) => each.mean()), logits };
  }

  /** Where the head could not be cut, the last part has given whole logits. */
  private wholeLosses(windows: readonly Uint32Array[], states: readonly Values[], isFirst: boolean) {
    const found = states.map((values) => (values.get('logits') as Ort.Tensor).data as Float32Array);
    const losses = windows.map((ids, i) => meanLoss(found[i], ids));
    return { losses, logits: isFirst ? found[0].slice() : undefined };
  }

  /** What a part gives to those behind it. */
  private wantedOf(nodes: readonly number[], behind: ReadonlySet<number>): string[] {
    const { flow } = this.plan;
    const used = new Set([...behind].flatMap((index) => flow.node(index).inputs));
    return nodes.flatMap((index) => flow.node(index).outputs).filter((name) => name === 'logits' || used.has(name));
  }

  /** Tokens as rows of the tables that a part holds. */
  private tokensOf(windows: readonly Uint32Array[]) {
    if (!this.plan.tables) return { used: undefined, of: (ids: Uint32Array) => ids };
    const used = Uint32Array.from(new Set(windows.flatMap((ids) => [...ids]))).sort();
    const rows = new Map([...used].map((id, row) => [id, row]));
    return { used, of: (ids: Uint32Array) => ids.map((id) => rows.get(id) as number) };
  }

  private async session({ model, weights }: PartModel, use: (session: Session) => Promise<void>): Promise<void> {
    await nextTask();
    if (this.options.signal?.aborted) throw cancelled();
    let session: Session;
    try {
      session = await this.ort.InferenceSession.create(model, {
        executionProviders: ['wasm'],
        extra: { session: { disable_prepacking: this.isRearranged ? '0' : '1' } },
        externalData: [{ path: PART_WEIGHTS, data: weights }],
      });
    } catch (cause) {
      throw failed(`onnxruntime-web cannot open a part of the model: ${messageOf(cause)}`, 'graph', cause);
    }
    this.options.onOpened?.();
    try {
      await use(session);
    } finally {
      await session.release();
    }
  }

  private async run(session: Session, values: Values, ids: Uint32Array, outputs: readonly string[]) {
    if (this.options.signal?.aborted) throw cancelled();
    const feeds: Record<string, Ort.Tensor> = {};
    for (const name of session.inputNames) {
      const declared = this.model.graph.inputs.find((input) => input.name === name);
      feeds[name] = declared ? feedOf(this.ort, name, declared.shape ?? [], ids, 1) : (values.get(name) as Ort.Tensor);
    }
    try {
      const results = await session.run(feeds, [...outputs]);
      this.options.onPart?.(++this.done, this.total);
      return results;
    } catch (cause) {
      throw failed(`onnxruntime-web cannot run a part of the model: ${messageOf(cause)}`, outputs.join(', '), cause);
    }
  }
}

/** Sessions that a window goes through. */
function countOf({ body, head, block }: PartsPlan): number {
  return body.length + (head ? Math.ceil(head.vocabulary / block) : 0);
}

function floats({ type, data }: Ort.Tensor, length: number): Float32Array {
  if (type === 'float32' && data.length === length) return data as Float32Array;
  throw failed(`The model's output is ${type} of ${data.length} numbers, not f32 of ${length}.`, 'logits');
}
