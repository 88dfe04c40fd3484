/** @file What the model and every run are asked to write in a headless job. */
import type { EngineEvent, GeneratedText, GenerateRequest, ModelSummary } from '../engine/protocol.ts';
import type { ReportInput } from '../engine/report.ts';
import type { Driver } from './browser.ts';
import { generateRequest, type PromptOptions } from './prompt.ts';

/** The same for all. */
export type Asked = Omit<GenerateRequest, 'target'>;

type OnEvent = (event: EngineEvent) => void;

/** What the dense model writes behind the prompt, where there is one. */
export async function askDense(
  prompt: PromptOptions | undefined,
  summary: ModelSummary,
  driver: Driver,
  onEvent: OnEvent,
): Promise<{ request: Asked; figures: NonNullable<ReportInput['prompt']> } | undefined> {
  if (!prompt) return undefined;
  const request = generateRequest(prompt, summary);
  const dense = await driver.run('generate', { ...request, target: 'dense' }, onEvent);
  const { text, max_tokens } = prompt;
  return { request, figures: { text, is_chat: 'messages' in request.prompt, max_tokens, dense } };
}

/** The same of a run. */
export async function askRun(
  asked: Asked | undefined,
  driver: Driver,
  id: string,
  onEvent: OnEvent,
): Promise<{ text?: GeneratedText }> {
  return asked ? { text: await driver.run('generate', { ...asked, target: id }, onEvent) } : {};
}
