/**
 * @file The metrics log: every value that was measured, in the order in which it became known, as JSON Lines. The headless
 * command writes it beside report.json, the studio saves it with a run; pandas reads it with `read_json(..., lines=True)`.
 */
import type { CommandKind, Commands, EngineEvent } from '../protocol.ts';
import { metricsOfResult } from './of_results.ts';

export const METRICS_FILE = 'metrics.jsonl';

export interface Metric {
  /** `perplexity`, `loss`, `unit_error` …: names as in report.json. */
  readonly metric: string;
  readonly value: number;
  /** `nats/token`, `tokens/s`, `bytes`, `ms`, `s`; absent for a number without unit. */
  readonly unit?: string;
  /** Which of several, counted from 0: the window, the step of a recipe. */
  readonly index?: number;
  /** What part of the model: a linear or table, a site, a file. */
  readonly of?: string;
}

/** A line of the log. */
export interface LoggedMetric extends Metric {
  /** When it became known, ISO 8601. */
  readonly time: string;
  /** `dense`, or the recipe of a compressed model as text. */
  readonly run: string;
  /** The engine command that measured it. */
  readonly command: CommandKind;
}

/** A log as it is kept, to be gone on with. */
export interface KeptMetrics {
  readonly lines: readonly LoggedMetric[];
  /** Recipes of compressed models by id. */
  readonly recipes: Readonly<Record<string, string>>;
}

export class MetricsLog {
  private readonly logged: LoggedMetric[] = [];
  /** Recipes of compressed models by id. */
  private readonly recipes = new Map<string, string>();

  constructor(private readonly now: () => Date = () => new Date()) {}

  /** An event of a running command: the loss of a window. */
  event(command: CommandKind, event: EngineEvent): void {
    if (event.type !== 'window') return;
    const { target, index, loss } = event;
    this.add(command, target, [{ metric: 'loss', value: loss, unit: 'nats/token', index }]);
  }

  /** What a command gave. Values that are no finite numbers are left out: JSON has no word for them. */
  result<K extends CommandKind>(command: K, result: Commands[K]['result']): void {
    const { id = 'dense', recipe, metrics } = metricsOfResult(command, result);
    if (recipe !== undefined) this.recipes.set(id, recipe);
    this.add(command, id, metrics);
  }

  /** Of all runs, or of one and the dense model, which it is compared with. */
  lines(run?: string): LoggedMetric[] {
    const name = run === undefined ? undefined : this.nameOf(run);
    return this.logged.filter((line) => name === undefined || line.run === 'dense' || line.run === name);
  }

  /** {@link lines} as JSON Lines, the last one ended as well. */
  text(run?: string): string {
    return this.lines(run)
      .map((line) => `${JSON.stringify(line)}\n`)
      .join('');
  }

  clear(): void {
    this.logged.length = 0;
    this.recipes.clear();
  }

  kept(): KeptMetrics {
    return { lines: [...this.logged], recipes: Object.fromEntries(this.recipes) };
  }

  /** Goes on with a log in place of this one. */
  load({ lines, recipes }: KeptMetrics): void {
    this.clear();
    for (const line of lines) this.logged.push(line);
    for (const [id, recipe] of Object.entries(recipes)) this.recipes.set(id, recipe);
  }

  private nameOf(id: string): string {
    return this.recipes.get(id) ?? id;
  }

  private add(command: CommandKind, id: string, metrics: readonly Metric[]): void {
    const time = this.now().toISOString();
    const run = this.nameOf(id);
    for (const metric of metrics)
      if (Number.isFinite(metric.value)) this.logged.push({ time, run, command, ...metric });
  }
}
